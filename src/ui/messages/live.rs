//! What the live view says.

super::messages! {
    pods() { "Pods", "Pod" }
    events() { "Events", "イベント" }
    no_pods() { "No resources found.", "リソースがありません。" }
    no_events() { "No events.", "イベントはありません。" }
    nothing_applied(folder) { "Save a manifest in {folder} to apply it.", "{folder} のマニフェストを保存すると適用されます。" }
    key_hint() { "h hint", "h ヒント" }
    key_solution() { "s solution", "s 解答例" }
    key_story() { "t task", "t 課題" }
    key_debrief() { "d debrief", "d 解説" }
    key_reset() { "r reset", "r やり直す" }
    key_quit() { "q leave, lab runs on", "q 閉じる (ラボは継続)" }
    key_stop() { "x stop lab", "x ラボを終了" }
    key_scroll() { "↑↓ scroll", "↑↓ 続き" }
    key_yes() { "y yes", "y はい" }
    key_no() { "n no", "n いいえ" }
    ask_solution() { "Show the solution? It is noted in your progress.", "解答例を表示しますか？ 進捗に記録されます。" }
    ask_reset() { "Put everything back to the beginning? Your manifests are kept aside.", "すべて最初の状態に戻しますか？ 編集したマニフェストは別名で残します。" }
    ask_stop() { "Put the lab away? What it made in the cluster is removed.", "ラボを終了しますか？ ラボがクラスターに作ったものは削除されます。" }
    resetting() { "Resetting…", "元に戻しています…" }
    solved() { "SOLVED", "解決" }
    broken() { "not solved", "未解決" }
    reconnecting(why) { "The cluster does not answer ({why}); trying again…", "クラスターが応答しません ({why})。再接続しています…" }
    too_small() { "The window is too small.", "ウィンドウが小さすぎます。" }
    left_running(id) { "Lab {id} runs on. Come back: bbf lab start {id}. Put it away: bbf lab stop", "ラボ {id} は実行中のままです。再開: bbf lab start {id}、終了: bbf lab stop" }
}
