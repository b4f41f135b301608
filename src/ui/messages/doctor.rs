//! What `bbf doctor` says.

super::messages! {
    all_well() { "This machine can run every lab on the embedded cluster.", "このマシンでは、組み込みクラスターですべてのラボを実行できます。" }
    not_well() { "Labs can't run here until the problems above are solved.", "上の問題を解決するまで、ラボを実行できません。" }
    state_folder(path) { "State folder {path} can be written", "状態フォルダー {path} に書き込めます" }
    state_folder_bad(path, why) { "State folder {path} can't be written: {why}", "状態フォルダー {path} に書き込めません: {why}" }
    state_folder_fix() { "Name another one: export BBF_HOME=/path/to/a/folder", "別のフォルダーを指定してください: export BBF_HOME=/フォルダーのパス" }
    work_folder(path) { "Work folder {path} can be written", "作業フォルダー {path} に書き込めます" }
    work_folder_bad(path, why) { "Work folder {path} can't be written: {why}", "作業フォルダー {path} に書き込めません: {why}" }
    work_folder_fix() { "Name another one: export BBF_WORK=/path/to/a/folder", "別のフォルダーを指定してください: export BBF_WORK=/フォルダーのパス" }
    loopback() { "A port on 127.0.0.1 can be opened", "127.0.0.1 のポートを開けます" }
    loopback_bad(why) { "No port on 127.0.0.1 can be opened: {why}", "127.0.0.1 のポートを開けません: {why}" }
    loopback_fix() { "Look at your firewall or sandbox: it must allow listening on 127.0.0.1", "ファイアウォールやサンドボックスの設定で、127.0.0.1 の待ち受けを許可してください" }
    embedded(version, millis) { "The embedded cluster (Kubernetes {version}) answers, after {millis} ms", "組み込みクラスター (Kubernetes {version}) が {millis} ミリ秒で応答しました" }
    embedded_bad(why) { "The embedded cluster does not answer: {why}", "組み込みクラスターが応答しません: {why}" }
    embedded_fix() { "That is a mistake in bbf. Please report it.", "bbf の不具合です。報告してください。" }
    kubectl(path) { "kubectl: {path}", "kubectl: {path}" }
    kubectl_missing() { "kubectl is not installed. Labs can be solved by editing manifests; with kubectl you see more.", "kubectl がありません。マニフェストの編集だけでもラボは解けますが、kubectl があるとより多くを確認できます。" }
    kubectl_fix() { "Install it: https://kubernetes.io/docs/tasks/tools/", "インストール方法: https://kubernetes.io/ja/docs/tasks/tools/" }
    terminal(columns, rows) { "Terminal: {columns}x{rows}", "端末: {columns}x{rows}" }
    terminal_small(columns, rows) { "The terminal is small ({columns}x{rows}); the live view wants 80x24", "端末が小さすぎます ({columns}x{rows})。画面表示には 80x24 が必要です" }
    terminal_fix() { "Make the window larger", "ウィンドウを大きくしてください" }
    no_terminal() { "No terminal: labs print their task instead of the live view", "端末ではないため、画面表示の代わりに課題を出力します" }
    kind(version) { "kind: {version}", "kind: {version}" }
    kind_old(version, oldest) { "kind {version} is old: the pinned node images want {oldest} or newer", "kind {version} は古すぎます。固定のノードイメージには {oldest} 以降が必要です" }
    runtime(name, version, architecture, memory) { "{name} {version} runs ({architecture}, {memory} of memory)", "{name} {version} が動作しています ({architecture}、メモリー {memory})" }
    cgroups_old() { "The container runtime uses cgroups version 1, which Kubernetes is giving up", "コンテナランタイムが cgroups バージョン 1 を使用しています。Kubernetes での対応は終了に向かっています" }
    cgroups_fix() { "Nothing has to be done yet; newer systems use version 2 by themselves", "今のところ対応は不要です。新しいシステムでは自動的にバージョン 2 が使われます" }
    inotify(watches, instances) { "Limits on watched files are high enough ({watches} watches, {instances} instances)", "ファイル監視の上限は十分です (watches {watches}、instances {instances})" }
    inotify_low(watches, instances) { "Limits on watched files are low for kind clusters of several nodes ({watches} watches, {instances} instances)", "複数ノードの kind クラスターには、ファイル監視の上限が低すぎます (watches {watches}、instances {instances})" }
    no_image_for(architecture) { "there is no node image for {architecture}", "{architecture} 用のノードイメージがありません" }
    memory_low(there, needed) { "{there} of memory, and {needed} are needed", "メモリーが {there} しかありません ({needed} 必要)" }
    port_in_use(port) { "port {port} is in use", "ポート {port} が使用中です" }
    heading_lab() { "LAB", "ラボ" }
    yes() { "yes", "可" }
    no() { "no", "不可" }
    where_labs_run() { "Where each lab can run here (existing: in one namespace of a cluster that you have; bbf lab list --cluster existing --context NAME):", "各ラボを実行できる場所 (existing: 既存クラスターの名前空間。確認は bbf lab list --cluster existing --context NAME):" }
}
