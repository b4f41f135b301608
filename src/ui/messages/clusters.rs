//! What bbf says about clusters that are not embedded: kind, and those that are there already.

super::messages! {
    creating(name, image) { "Making the kind cluster {name} ({image}); the first time, its image is fetched", "kind クラスター {name} ({image}) を作成しています。初回はイメージを取得します" }
    half_made(name) { "Removing what an interrupted command left of {name}", "中断された作業で残った {name} を削除しています" }
    deleting(name) { "Deleting the kind cluster {name}", "kind クラスター {name} を削除しています" }
    starting_nodes(name) { "Starting the nodes of {name}", "{name} のノードを起動しています" }
    waiting_for_nodes() { "Waiting until all nodes are ready", "すべてのノードが Ready になるのを待っています" }
    sweeping() { "Removing what the last lab left, and proving that nothing is left", "前のラボの残りを片付け、何も残っていないことを確認しています" }
    not_clean(left) { "The cluster could not be swept clean ({left}), so it is made anew", "クラスターを元の状態に戻せないため ({left})、作り直します" }
    otherwise_made(name) { "{name} was made with another node image or configuration, so it is made anew", "{name} は別のノードイメージまたは構成で作られているため、作り直します" }
    left_for_later(name) {
        "{name} can't be reached now. What the lab left there is removed when the next lab starts on it, or by: bbf cluster delete {name}",
        "現在 {name} に接続できません。ラボの残りは、次にラボを開始するときか、bbf cluster delete {name} で削除されます"
    }
    add_on(name) { "Installing {name}", "{name} をインストールしています" }
    pulling(image) { "Fetching {image}", "{image} を取得しています" }
    loading_images(count, name) { "Putting {count} images on the nodes of {name}", "{count} 個のイメージを {name} のノードに配置しています" }
    archive(path) { "Working on the archive {path}", "アーカイブ {path} を処理しています" }
    removing_namespace(name) { "Waiting until the namespace {name} is gone", "名前空間 {name} の削除を待っています" }

    trait_images() { "Images come from a registry: the first Pod of each image takes longer than on the embedded cluster.", "イメージはレジストリから取得されるため、各イメージの最初の Pod は組み込みクラスターより時間がかかります。" }
    trait_time() { "Time passes as it does: there is no skipping and no undo here.", "時間は実時間どおりに進みます。スキップや取り消しはできません。" }
    trait_namespace(namespace) { "The lab is played in the namespace {namespace}, and only there; kubectl in `bbf shell` uses it by itself.", "ラボは名前空間 {namespace} の中だけで行います。`bbf shell` の kubectl はこの名前空間を自動的に使います。" }

    no_runtime() { "kind needs docker, podman or nerdctl, and none of them is installed.", "kind には docker、podman、nerdctl のいずれかが必要ですが、どれもインストールされていません。" }
    no_such_runtime(runtime) { "{runtime} is not installed, but KIND_EXPERIMENTAL_PROVIDER asks for it, or the cluster was made with it.", "{runtime} がインストールされていません。KIND_EXPERIMENTAL_PROVIDER で指定されているか、クラスターの作成に使われたランタイムです。" }
    choose_runtime(runtime) { "Install {runtime}, or choose another one: unset KIND_EXPERIMENTAL_PROVIDER", "{runtime} をインストールするか、別のランタイムを使ってください: unset KIND_EXPERIMENTAL_PROVIDER" }
    install_docker() { "Install Docker: https://docs.docker.com/get-docker/", "Docker のインストール方法: https://docs.docker.com/get-docker/" }
    no_kind() { "kind is not installed.", "kind がインストールされていません。" }
    old_kind(version, oldest) { "kind {version} is too old for the pinned node images, which want {oldest} or newer.", "kind {version} は固定のノードイメージには古すぎます。{oldest} 以降が必要です。" }
    install_kind() { "Install it: https://kind.sigs.k8s.io/docs/user/quick-start/#installation", "インストール方法: https://kind.sigs.k8s.io/docs/user/quick-start/#installation" }
    or_embedded() { "Or play the lab without Docker: bbf lab start <lab> --cluster embedded", "Docker なしでラボを行うには: bbf lab start <ラボ> --cluster embedded" }
    not_running(runtime, said) { "{runtime} is not running: {said}.", "{runtime} が動作していません: {said}" }
    start_runtime(runtime) { "Start {runtime} (Docker Desktop, or: sudo systemctl start {runtime}), then try again", "{runtime} を起動してから (Docker Desktop、または sudo systemctl start {runtime})、もう一度実行してください" }
    not_allowed(runtime, said) { "You may not use {runtime}: {said}.", "{runtime} を使用する権限がありません: {said}" }
    join_group() { "Join the group and log in again: sudo usermod -aG docker $USER", "グループに参加して、ログインし直してください: sudo usermod -aG docker $USER" }
    disk_full(said) { "There is no room left for the cluster: {said}.", "クラスターのためのディスク容量が不足しています: {said}" }
    prune() { "Make room (docker system df shows what takes it), then try again", "空き容量を確保してから (使用量は docker system df で確認できます)、もう一度実行してください" }
    no_network(said) { "The image's registry can't be reached: {said}.", "イメージのレジストリに接続できません: {said}" }
    use_archive() { "Without a network, use an archive that was made where there is one: bbf images save FILE there, bbf cluster prepare --archive FILE here", "ネットワークがない場合は、接続できる場所で bbf images save FILE を実行して作ったアーカイブを使ってください: bbf cluster prepare --archive FILE" }
    rate_limited(said) { "The image's registry has served enough for now: {said}.", "イメージのレジストリの取得制限に達しました: {said}" }
    log_in_or_wait() { "Wait, log in (docker login), or use an archive: bbf cluster prepare --archive FILE", "時間をおくか、docker login でログインするか、アーカイブを使ってください: bbf cluster prepare --archive FILE" }
    no_such_image(said) { "There is no such image: {said}.", "イメージが見つかりません: {said}" }
    pinned_images(list) { "Leave out --node-image, or name a version that bbf knows: {list}", "--node-image を省略するか、bbf が対応するバージョンを指定してください: {list}" }
    port_taken(port) { "Port {port} of this machine is in use, and the cluster needs it.", "クラスターに必要なポート {port} が使用中です。" }
    free_port(port) { "Find who has it (lsof -i :{port}), end it, then try again", "使用中のプログラムを調べて (lsof -i :{port}) 終了してから、もう一度実行してください" }
    open_files(said) { "The system's limits on watched files are too low for the cluster: {said}.", "ファイル監視の上限がクラスターには低すぎます: {said}" }
    raise_inotify() { "Raise them: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512", "上限を引き上げてください: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512" }
    foreign(name) { "There is a kind cluster {name} that this bbf did not make. It is left alone.", "この bbf が作成したものではない kind クラスター {name} があります。変更しません。" }
    remove_foreign(name) { "If it is not needed, delete it yourself: kind delete cluster --name {name}", "不要であれば、手動で削除してください: kind delete cluster --name {name}" }
    gone(name) { "The kind cluster {name} is gone, and with it all that was in it.", "kind クラスター {name} が中身ごとなくなっています。" }
    make_again() { "Begin the lab again, on a new cluster: bbf lab reset", "新しいクラスターでラボをやり直すには: bbf lab reset" }
    in_use(name, holder) { "Another bbf is at work on {name}: {holder}.", "別の bbf が {name} を処理中です: {holder}。" }
    kind_failed(said) { "kind could not make the cluster: {said}.", "kind がクラスターを作成できませんでした: {said}" }
    runtime_failed(said) { "kind, or what its nodes run in, refused: {said}.", "kind またはコンテナランタイムがエラーを返しました: {said}" }
    all_it_said(log) { "All that it said is in {log}", "出力の全文は {log} にあります" }

    no_kubeconfig(why) { "Your kubeconfig can't be read: {why}.", "kubeconfig を読み取れません: {why}" }
    no_context(context) { "Your kubeconfig has no context “{context}”.", "kubeconfig にコンテキスト「{context}」はありません。" }
    known_contexts(list) { "It has: {list}", "あるコンテキスト: {list}" }
    no_contexts() { "It has no context at all.", "コンテキストが 1 つもありません。" }
    ask_kubectl() { "See what kubectl knows: kubectl config get-contexts", "kubectl が認識しているコンテキストを確認するには: kubectl config get-contexts" }
    unauthenticated(why) { "The cluster does not accept your credentials: {why}.", "クラスターが認証情報を受け付けません: {why}" }
    log_in_again() { "Log in to it as you do for kubectl, then try again.", "kubectl を使うときと同じ方法でログインし直してから、もう一度実行してください。" }
    context_needed() { "--cluster existing needs the context to use: --context NAME", "--cluster existing には、使用するコンテキストの指定が必要です: --context NAME" }
    context_without_existing() { "--context goes with --cluster existing.", "--context は --cluster existing と一緒に指定してください。" }
    image_without_kind() { "--node-image goes with --cluster kind.", "--node-image は --cluster kind と一緒に指定してください。" }
    unfit(lab, needs) { "Lab {lab} can't be played in one namespace of a cluster that others use: it needs {needs}.", "ラボ {lab} は、共有クラスターの 1 つの名前空間では実行できません。必要なもの: {needs}" }
    need_nodes(count) { "{count} nodes of its own", "専用の {count} ノード" }
    need_port(port) { "port {port} of this machine", "このマシンのポート {port}" }
    need_cluster_object(object) { "{object}, which belongs to no namespace", "名前空間に属さない {object}" }
    need_namespace(name) { "the namespace {name}", "名前空間 {name}" }
    need_whole_cluster() { "a cluster that nobody else uses", "ほかに利用者のいないクラスター" }
    play_elsewhere() { "Play it on a cluster of its own: --cluster embedded, or --cluster kind", "専用のクラスターで行ってください: --cluster embedded または --cluster kind" }
    denied(list) { "You are not allowed to do what the lab needs: {list}.", "ラボに必要な操作が許可されていません: {list}" }
    ask_admin() { "Ask whoever runs the cluster, or play the lab here: --cluster embedded", "クラスターの管理者に相談するか、このマシンで行ってください: --cluster embedded" }
    pods_refused(said) { "The cluster would not take the lab's Pods: {said}.", "クラスターがラボの Pod を受け付けません: {said}" }
    namespace_taken(name) { "The namespace {name} is there already, and this bbf did not make it. It is left alone.", "この bbf が作成したものではない名前空間 {name} があります。変更しません。" }
    namespace_stays(name) { "The namespace {name} does not go: something in it waits for its finalizers.", "名前空間 {name} の削除が終わりません。ファイナライザー待ちのオブジェクトがあります。" }
    look_at_namespace(name) { "See what: kubectl get namespace {name} --output yaml", "確認するには: kubectl get namespace {name} --output yaml" }
    namespace_gone(name) { "The namespace {name} is gone, and with it all that was in it.", "名前空間 {name} が中身ごとなくなっています。" }
    not_ours(context) { "The cluster of context {context} is not bbf's to stop.", "コンテキスト {context} のクラスターは bbf のものではないため、停止できません。" }

    other_place(lab, place) { "Lab {lab} already runs on the {place} cluster.", "ラボ {lab} はすでに {place} クラスターで実行中です。" }
    cancelled() { "Stopped as you wished. Nothing half made was left behind.", "中断しました。作りかけのものは残っていません。" }
    cancelled_left(why) { "Stopped as you wished. What is half made could not be removed now ({why}); the next command removes it.", "中断しました。作りかけのものを今は削除できませんでした ({why})。次のコマンドが削除します。" }
    lab_on_cluster(lab, name) { "Lab {lab} is running on {name}.", "ラボ {lab} が {name} で実行中です。" }
    cluster_deleted(name) { "Cluster {name} is deleted.", "クラスター {name} を削除しました。" }
    cluster_running(name) { "Cluster {name} is running.", "クラスター {name} は実行中です。" }
    cluster_prepared(name) { "Cluster {name} is ready for labs.", "クラスター {name} の準備ができました。" }
    prepare_needs_labs() { "Name the labs to prepare for, or all of them: bbf cluster prepare --all", "準備するラボを指定するか、すべてを準備してください: bbf cluster prepare --all" }
    images_saved(count, path) { "{count} images are in {path}.", "{count} 個のイメージを {path} に保存しました。" }
    images_loaded(path) { "The images of {path} are here now. Next: bbf cluster prepare --all", "{path} のイメージを読み込みました。次は: bbf cluster prepare --all" }
    not_recorded() { "not recorded", "記録なし" }
    heading_here() { "HERE", "実行" }
    here_yes() { "yes", "可" }
    here_no(why) { "no: {why}", "不可: {why}" }
}
