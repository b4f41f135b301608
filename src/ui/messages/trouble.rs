//! What bbf says when something can't be done, and what to type next.

super::messages! {
    error_label() { "error", "エラー" }
    next_label() { "next", "次の手順" }
    warning_label() { "note", "注意" }
    unknown_lab(id) { "There is no lab “{id}”.", "ラボ「{id}」はありません。" }
    did_you_mean(names) { "Did you mean {names}?", "もしかして: {names}" }
    see_all_labs() { "See all labs: bbf lab list", "ラボの一覧: bbf lab list" }
    broken_lab(why) { "The lab can't be used: {why}.", "ラボに誤りがあります: {why}" }
    broken_pack(why) { "The lab pack can't be used: {why}.", "ラボパックを使用できません: {why}" }
    no_lab_running() { "No lab is running.", "実行中のラボはありません。" }
    start_one() { "Start one: bbf lab start <lab>; see bbf lab list", "開始するには: bbf lab start <ラボ> (一覧は bbf lab list)" }
    other_lab_running(running, asked) {
        "Lab {running} is running, not {asked}.",
        "実行中のラボは {asked} ではなく {running} です。"
    }
    stop_first(running) {
        "Go on with it: bbf lab status. Or put it away: bbf lab stop {running}",
        "続けるには bbf lab status、終了するには bbf lab stop {running}"
    }
    not_finished_starting(id) {
        "The start of lab {id} was interrupted.",
        "ラボ {id} の開始が途中で中断されています。"
    }
    start_again(id) { "Start it again: bbf lab start {id}", "もう一度開始してください: bbf lab start {id}" }
    no_home() {
        "bbf has nowhere to keep your progress: neither HOME nor BBF_HOME is set.",
        "HOME も BBF_HOME も設定されていないため、進捗を保存する場所がありません。"
    }
    set_bbf_home() {
        "Name a folder: export BBF_HOME=/path/to/a/folder",
        "フォルダーを指定してください: export BBF_HOME=/フォルダーのパス"
    }
    held_by(holder) {
        "Another bbf is at work: {holder}.",
        "別の bbf が処理中です: {holder}。"
    }
    wait_and_retry() { "Wait until it is done, then try again.", "完了を待ってから、もう一度実行してください。" }
    disk_full(path) { "The disk is full: {path} could not be written.", "ディスクに空きがなく、{path} を書き込めませんでした。" }
    free_space() {
        "Nothing was lost. Make room, then try again.",
        "失われたものはありません。空き容量を確保して、もう一度実行してください。"
    }
    read_only(path) {
        "{path} can't be written: the file system is read-only.",
        "ファイルシステムが読み取り専用のため、{path} に書き込めません。"
    }
    not_allowed(path) {
        "{path} can't be used: permission denied.",
        "{path} を使用する権限がありません。"
    }
    choose_other_folder() {
        "Name a folder that you may write to: export BBF_HOME=/path/to/a/folder",
        "書き込めるフォルダーを指定してください: export BBF_HOME=/フォルダーのパス"
    }
    file_failed(path, why) { "{path} can't be used: {why}.", "{path} を使用できません: {why}" }
    ask_doctor() { "See what is wrong: bbf doctor", "原因を調べるには: bbf doctor" }
    cluster_not_started(why) { "The cluster did not start: {why}.", "クラスターを起動できませんでした: {why}" }
    cluster_silent(log) {
        "The cluster's process ended at once. What it said is in {log}.",
        "クラスターのプロセスがすぐに終了しました。出力は {log} にあります。"
    }
    cluster_unreachable(why) { "The cluster does not answer: {why}.", "クラスターが応答しません: {why}" }
    retry_check() {
        "Bring it back and look again: bbf lab status",
        "クラスターを復旧して確認するには: bbf lab status"
    }
    cluster_stubborn(pid) {
        "The cluster's process {pid} does not end.",
        "クラスターのプロセス {pid} が終了しません。"
    }
    end_process(pid) { "End it yourself: kill -9 {pid}", "手動で終了してください: kill -9 {pid}" }
    cluster_file_damaged(path, why) {
        "{path} can't be understood: {why}.",
        "{path} を読み取れません: {why}"
    }
    reset_lab() { "Begin the lab again: bbf lab stop, then bbf lab start", "ラボをやり直すには: bbf lab stop の後に bbf lab start" }
    request_failed(why) { "The cluster refused: {why}", "クラスターが要求を拒否しました: {why}" }
    break_not_applied(why) { "The break could not be applied: {why}", "壊れたマニフェストを適用できませんでした: {why}" }
    unknown_cluster(name) { "There is no cluster “{name}”.", "クラスター「{name}」はありません。" }
    see_clusters() { "See all clusters: bbf cluster list", "クラスターの一覧: bbf cluster list" }
    no_cluster() { "There is no cluster.", "クラスターはありません。" }
    shell_failed(shell, why) { "The shell {shell} could not be started: {why}.", "シェル {shell} を起動できませんでした: {why}" }
    terminal_failed(why) { "The terminal can't be used: {why}.", "端末を使用できません: {why}" }
    output_lost(why) { "Not all of the output could be written: {why}.", "出力の一部を書き込めませんでした: {why}" }
    output_again() { "Write it somewhere else, then try again.", "出力先を変えて、もう一度実行してください。" }
    use_plain() { "Do without the live view: bbf lab start --no-live", "画面表示なしで開始するには: bbf lab start --no-live" }
    bug(version) {
        "bbf {version} has run into a mistake of its own. Your progress is safe.",
        "bbf {version} 自身の不具合が発生しました。進捗は保存されています。"
    }
    report_bug(file) {
        "Please report it with the text above; details are in {file}.",
        "上の表示を添えて報告してください。詳細は {file} にあります。"
    }
    unexpected(why) { "Something that should not happen did: {why}.", "想定外の問題が発生しました: {why}" }
}
