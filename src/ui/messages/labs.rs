//! What bbf says about labs and sessions.

super::messages! {
    starting_cluster() { "Starting the cluster…", "クラスターを起動しています…" }
    cluster_brought_back() {
        "The cluster had stopped. It was brought back as it was.",
        "クラスターが停止していたため、元の状態で復旧しました。"
    }
    cluster_moved() {
        "Its port was taken, so it listens on another one now. `bbf shell` and bbf's kubeconfig know it already.",
        "元のポートが使用中だったため、別のポートで待ち受けています。`bbf shell` と bbf の kubeconfig には反映済みです。"
    }
    recording_damaged(kept) {
        "The cluster's recording was damaged: your latest commands may be missing. The damaged recording is kept as {kept}.",
        "クラスターの記録が壊れていました。直近の操作が失われている可能性があります。壊れた記録は {kept} に残してあります。"
    }
    file_damaged(path, kept) {
        "{path} can't be understood in full: it was damaged, or a newer bbf wrote it. What could be read was used; the rest is kept as {kept}.",
        "{path} の一部を読み取れません。壊れているか、新しい bbf が書いたファイルです。読み取れた内容を使い、残りは {kept} に残してあります。"
    }
    work_file_kept(file, kept) {
        "Your earlier {file} is kept as {kept}.",
        "以前編集した {file} は {kept} に残してあります。"
    }
    lab_started(id) { "Lab {id} is running, and something in it is broken.", "ラボ {id} を開始しました。どこかが壊れています。" }
    lab_reset(id) { "Lab {id} is back at its beginning. The task: bbf lab show {id}", "ラボ {id} を最初の状態に戻しました。課題を見るには: bbf lab show {id}" }
    lab_stopped(id) {
        "Lab {id} is put away; your progress is kept. The next lab: bbf lab list",
        "ラボ {id} を終了しました。進捗は保存されています。次のラボを選ぶには: bbf lab list"
    }
    work_folder_kept(folder) {
        "Your manifests stay in {folder}.",
        "編集したマニフェストは {folder} に残っています。"
    }
    nothing_to_stop() { "No lab is running.", "実行中のラボはありません。" }
    lab_already_running(id) { "Lab {id} is already running.", "ラボ {id} はすでに実行中です。" }
    start_was_interrupted() {
        "The last start was interrupted, so the lab begins again.",
        "前回の開始が途中で中断されたため、最初からやり直します。"
    }
    how_to_resume() {
        "Check your fix: `bbf lab check`. Stuck? `bbf lab hint`. Begin again: `bbf lab reset`.",
        "確認するには `bbf lab check`、行き詰まったら `bbf lab hint`、最初からやり直すには `bbf lab reset` を実行してください。"
    }
    task() { "Task", "課題" }
    story() { "Story", "状況" }
    objectives() { "Objectives", "達成条件" }
    guards() { "Must stay so", "保つこと" }
    debrief() { "What you have seen", "解説" }
    topics(list) { "Topics: {list}", "トピック: {list}" }
    minutes(minutes) { "About {minutes} minutes", "目安 {minutes} 分" }
    needs_cluster(cluster) { "Cluster: {cluster}", "クラスター: {cluster}" }
    heading_id() { "LAB", "ラボ" }
    heading_title() { "TITLE", "題名" }
    heading_minutes() { "MINUTES", "分" }
    heading_state() { "STATE", "状態" }
    state_new() { "-", "-" }
    state_started() { "started", "着手" }
    state_running() { "running", "実行中" }
    state_solved() { "solved", "解決済み" }
    how_to_work(folder) {
        "Fix it with kubectl in `bbf shell`, or edit the manifest in {folder} and save.",
        "`bbf shell` の中で kubectl を使って直すか、{folder} のマニフェストを編集して保存してください。"
    }
    how_to_check() {
        "Then: `bbf lab check`. Stuck? `bbf lab hint`.",
        "直したら `bbf lab check`、行き詰まったら `bbf lab hint` を実行してください。"
    }
    applied(file) { "Applied {file}, which you saved.", "保存された {file} を適用しました。" }
    apply_failed(file, why) {
        "{file} was not applied: {why}",
        "{file} は適用されませんでした: {why}"
    }
    how_to_replace() {
        "For what can't be changed in place, write `# replace` on the first line: the object is deleted and created again.",
        "そのまま変更できないフィールドを変えるときは、先頭行に `# replace` と書いてください。オブジェクトを削除して作り直します。"
    }
    last_good_stays() {
        "The cluster keeps what was applied before. Correct the file and save it again.",
        "クラスターは前回適用した状態のままです。ファイルを修正して、もう一度保存してください。"
    }
    waiting_for_verdict(most) {
        "Watching the cluster until the verdict is in (at most {most})…",
        "判定が出るまでクラスターを観察しています (最長 {most})…"
    }
    solved(id) { "Solved: {id}. Well done!", "解決しました: {id}。お見事です！" }
    not_solved(id) { "Not solved yet: {id}.", "まだ解決していません: {id}。" }
    verdict_unknown(id) {
        "It can't be told whether {id} is solved: the cluster could not be seen.",
        "クラスターの状態を確認できないため、{id} が解決したか判定できません。"
    }
    held(held, needed) { "held for {held} of {needed} s", "{needed} 秒中 {held} 秒継続" }
    verdict_passed() { "passed", "達成" }
    verdict_failing() { "failing", "未達成" }
    verdict_pending() { "pending", "確認中" }
    verdict_not_seen() { "unknown", "不明" }
    hint_number(step, all) { "Hint {step} of {all}", "ヒント {step}/{all}" }
    no_more_hints() {
        "That was the last hint. The solution: `bbf lab solution`.",
        "ヒントは以上です。解答例を見るには `bbf lab solution` を実行してください。"
    }
    no_hint_now() {
        "There is no hint for the state that your cluster is in. Check it: `bbf lab check`.",
        "今のクラスターの状態に合うヒントはありません。`bbf lab check` で確認してください。"
    }
    ask_solution() {
        "Show the solution? It is noted in your progress.",
        "解答例を表示しますか？ 表示したことは進捗に記録されます。"
    }
    solution_needs_yes() {
        "The solution was not shown: there is no terminal to ask on. To see it all the same:",
        "端末で確認できないため、解答例を表示しませんでした。表示するには:"
    }
    solution_name(name) { "Solution “{name}”", "解答例「{name}」" }
    solution_not_shown() { "The solution was not shown.", "解答例は表示しませんでした。" }
    status_running(id, since) { "Lab {id}, started {since}", "ラボ {id} (開始: {since})" }
    status_solved(at) {
        "Solved on {at}. What follows is a fresh look, and each time window begins anew:",
        "{at} に解決しました。以下は現在の状態です (継続時間は数え直しています):"
    }
    status_kubeconfig(path) { "Kubeconfig: {path}", "kubeconfig: {path}" }
    status_folder(path) { "Manifests: {path}", "マニフェスト: {path}" }
    no_lab_running() { "No lab is running. Start one: bbf lab start <lab>; see bbf lab list", "実行中のラボはありません。開始するには: bbf lab start <ラボ> (一覧は bbf lab list)" }
    play_break(id) { "Lab {id}: applying the break.", "ラボ {id}: 壊れたマニフェストを適用します。" }
    play_fix(name) { "Applying the solution “{name}”.", "解答例「{name}」を適用します。" }
    play_done(seconds) {
        "Solved after {seconds} s of cluster time.",
        "クラスター内の時間で {seconds} 秒後に解決しました。"
    }
    play_unsolved() {
        "The solution did not solve the lab. That is a mistake in the lab.",
        "解答例を適用しても解決しませんでした。ラボの誤りです。"
    }
    proof_passed(id, time, simulated) {
        "proved  {id}  ({time} for {simulated} s of cluster time)",
        "証明済み  {id}  (クラスター内の {simulated} 秒分を {time} で実行)"
    }
    proof_failed(id, time, simulated) {
        "FAILED  {id}  ({time} for {simulated} s of cluster time)",
        "失敗  {id}  (クラスター内の {simulated} 秒分を {time} で実行)"
    }
    proof_step_done(id, step, time) { "{id}: {step} is shown ({time})", "{id}: {step} を確認しました ({time})" }
    proof_step_failed(id, step, time) { "{id}: {step} FAILED ({time})", "{id}: {step} は失敗しました ({time})" }
    proof_step_skipped(id, step) { "{id}: {step} was skipped", "{id}: {step} は実行できませんでした" }
    proof_passed_on(id, cluster, time) {
        "proved  {id}  ({time} on {cluster})",
        "証明済み  {id}  ({cluster} で {time})"
    }
    proof_failed_on(id, cluster, time) {
        "FAILED  {id}  ({time} on {cluster})",
        "失敗  {id}  ({cluster} で {time})"
    }
    proof_cannot_run(id, why) {
        "{id} can't be proved here: it needs {why}",
        "{id} はここでは証明できません。必要なもの: {why}"
    }
    proof_in_real_time() {
        "This goes on in the cluster's own time: some 20 minutes a lab. Ctrl-C ends it and puts the lab away.",
        "クラスターの実時間で進むため、ラボ 1 つに 20 分ほどかかります。Ctrl-C で中断でき、ラボは片付けられます。"
    }
    proof_skipped(id, step, why) { "{id}: {step} was skipped: {why}", "{id}: {step} は実行できませんでした: {why}" }
    proofs_done(count, failed, time) {
        "{count} labs, {failed} failed, {time}",
        "ラボ {count} 件、失敗 {failed} 件、{time}"
    }
    readme_intro() {
        "Edit a manifest here and save it: while the live view of `bbf lab start` is open, it is applied at once; otherwise the next `bbf lab check` or `bbf lab status` applies it.",
        "ここのマニフェストを編集して保存してください。ラボの画面を開いている間はすぐに適用されます。開いていないときは、次の `bbf lab check` か `bbf lab status` で適用されます。"
    }
    readme_kubectl() {
        "Or use kubectl: `bbf shell` opens a shell in which it reaches the lab's cluster.",
        "kubectl を使うこともできます。`bbf shell` で、ラボのクラスターに接続できるシェルが開きます。"
    }
}
