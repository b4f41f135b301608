//! What bbf says about clusters, the shell and progress.

super::messages! {
    heading_name() { "NAME", "名前" }
    heading_kind() { "KIND", "種類" }
    heading_state() { "STATE", "状態" }
    heading_pid() { "PID", "PID" }
    heading_lab() { "LAB", "ラボ" }
    heading_solved() { "SOLVED", "解決日時" }
    heading_hints() { "HINTS", "ヒント" }
    heading_attempts() { "ATTEMPTS", "挑戦回数" }
    heading_solution() { "SOLUTION", "解答例" }
    running() { "running", "実行中" }
    gone() { "gone", "消失" }
    unknown() { "unknown", "不明" }
    stopped() { "stopped", "停止中" }
    cluster_stopped(name) {
        "Cluster {name} is stopped. The next command that needs it brings it back as it was.",
        "クラスター {name} を停止しました。必要になったときに、元の状態で復旧します。"
    }
    cluster_was_stopped(name) { "Cluster {name} was not running.", "クラスター {name} は起動していません。" }
    no_clusters() { "There is no cluster. A lab starts one: bbf lab start", "クラスターはありません。ラボを開始すると作られます: bbf lab start" }
    shell_opened(lab) {
        "A shell for lab {lab}: kubectl reaches its cluster here, and only here. Leave with `exit`.",
        "ラボ {lab} のシェルです。このシェルの中だけで kubectl がラボのクラスターに接続します。終了するには `exit` と入力してください。"
    }
    shell_without_kubectl() {
        "kubectl is not on your PATH. Editing the manifests works without it.",
        "kubectl が PATH にありません。マニフェストの編集だけでも進められます。"
    }
    shell_closed() { "Back from the lab's shell; the lab is still running.", "ラボのシェルを終了しました。ラボは実行中です。" }
    no_progress() { "Nothing is started yet. See what there is: bbf lab list", "まだ着手したラボはありません。一覧: bbf lab list" }
    progress_total(solved, all) { "{solved} of {all} labs solved", "{all} 件中 {solved} 件のラボを解決" }
    shown() { "shown", "表示済み" }
}
