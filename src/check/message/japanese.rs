//! The checks' observations in Japanese, spaced as the rest of what bbf says is (`ui::messages`).

use super::{Message, ProbeFlaw};
use crate::check::ProbeKind;

#[expect(clippy::too_many_lines, reason = "a flat table, one line a message")]
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Reading => "クラスターの状態を読み込んでいます".to_owned(),
        Message::Unreachable { error } => format!("クラスターに接続できません: {error}"),
        Message::Unreadable { kind, error } => format!("{kind} を読み取れません: {error}"),
        Message::NotFound { target } => format!("{target} が存在しません"),
        Message::BeingDeleted { target } => format!("{target} は削除中です"),
        Message::Exists { target } => format!("{target} が存在します"),
        Message::NotObserved { target } => format!("{target} の最新の変更は反映待ちです"),
        Message::RollingOut {
            target,
            updated,
            available,
            wanted,
        } => {
            format!(
                "{target} をロールアウト中です: {wanted} 個のうち {updated} 個が更新済み、{available} 個が利用可能"
            )
        }
        Message::RolloutStuck { target, reason } => {
            format!("{target} のロールアウトが止まっています: {reason}")
        }
        Message::RolledOut { target, available } => {
            format!("{target} のロールアウトが完了しました ({available} 個が利用可能)")
        }
        Message::TooFewWanted {
            target,
            wanted,
            least,
        } => {
            format!("{target} のレプリカ数は {wanted} です。{least} 以上にしてください")
        }
        Message::PodsReady { target, ready } => format!("{target}: {ready} 個の Pod が Ready です"),
        Message::NoPods { target } => format!("{target} には動いている Pod がありません"),
        Message::TooFewPods {
            target,
            ready,
            wanted,
        } => {
            format!("{target}: {wanted} 個のうち {ready} 個の Pod が Ready です")
        }
        Message::PodStarting { pod } => format!("Pod {pod} は起動中です"),
        Message::PodUnschedulable { pod, why } => format!("Pod {pod} をスケジュールできません: {why}"),
        Message::ContainerWaiting {
            pod,
            container,
            reason,
        } => {
            format!("Pod {pod}: コンテナ {container} は待機中です ({reason})")
        }
        Message::ContainerNotReady { pod, container } => {
            format!("Pod {pod}: コンテナ {container} は動いていますが Ready ではありません")
        }
        Message::ContainerEnded {
            pod,
            container,
            reason,
            exit_code,
        } => {
            format!("Pod {pod}: コンテナ {container} が終了しました ({reason}、終了コード {exit_code})")
        }
        Message::PodOver { pod, phase } => format!("Pod {pod} は終了しています ({phase})"),
        Message::Running { target, restarts } => {
            format!("{target} は動いています。これまでの再起動: {restarts} 回")
        }
        Message::Endpoints {
            service,
            ready,
            wanted,
        } => {
            format!("Service {service} の Ready なエンドポイントは {ready} 個です ({wanted} 個以上必要)")
        }
        Message::HttpWaiting { url } => {
            format!("{url} へのリクエストは、ほかの条件がすべて満たされてから送ります")
        }
        Message::HttpAnswered { url, status } => format!("{url} が {status} を返しています"),
        Message::HttpStatus { url, status } => format!("{url} が {status} を返しています"),
        Message::HttpWithout { url, text } => format!("{url} の応答に {text:?} が含まれていません"),
        Message::HttpFailed { url, error } => format!("{url} が応答しません: {error}"),
        Message::LogWaiting { target } => format!("{target} のログはまだ読んでいません"),
        Message::LogHolds { target, text } => format!("{target} のログに {text:?} があります"),
        Message::LogWithout { target, text } => format!("{target} のログに {text:?} がありません"),
        Message::Events {
            target,
            reason,
            seen,
            wanted,
        } => {
            format!("{target}: イベント {reason} は {seen} 回記録されています ({wanted} 回必要)")
        }
        Message::StatusCondition {
            target,
            condition,
            status,
            reason,
        } if reason.is_empty() => {
            format!("{target}: {condition} は {status} です")
        }
        Message::StatusCondition {
            target,
            condition,
            status,
            reason,
        } => {
            format!("{target}: {condition} は {status} です ({reason})")
        }
        Message::Phase { target, phase } => format!("{target} は {phase} です"),
        Message::ContainerSeen { target } => format!("{target} のコンテナがその状態です"),
        Message::ContainerNotSeen { target } => format!("{target} にその状態のコンテナはありません"),
        Message::Probed { target, probe } => format!("{target} には有効な {} があります", name(*probe)),
        Message::NotProbed {
            target,
            container: Some(container),
            probe,
        } => {
            format!("{target}: コンテナ {container} に {} がありません", name(*probe))
        }
        Message::NotProbed {
            target,
            container: None,
            probe,
        } => format!("{target} に {} がありません", name(*probe)),
        Message::ProbeBlind {
            target,
            container,
            probe,
            flaw,
        } => {
            format!(
                "{target}: コンテナ {container} の {} は {}",
                name(*probe),
                fault(flaw)
            )
        }
        Message::ProbePortDeclared {
            container,
            probe,
            port,
        } => {
            format!(
                "コンテナ {container} の {} は、宣言されているポート {port} に問い合わせています",
                name(*probe)
            )
        }
        Message::ProbePortElsewhere {
            container,
            probe,
            port,
            declared,
        } => format!(
            "コンテナ {container} の {} はポート {port} に問い合わせていますが、宣言されているポートは {declared} です",
            name(*probe)
        ),
        Message::Field {
            target,
            path,
            value,
            expected,
        } => {
            format!("{target}: {path} は {value} です (期待: {expected})")
        }
        Message::ReplicasKept { target, replicas } => {
            format!("{target} のレプリカ数は {replicas} のままです")
        }
        Message::ImagesKept { target } => format!("{target} のイメージは変わっていません"),
        Message::ImageChanged {
            target,
            container,
            before,
            now,
        } => {
            format!("{target}: コンテナ {container} のイメージが {before} から {now} に変わっています")
        }
        Message::NothingElseChanged => "ほかのリソースは変更されていません".to_owned(),
        Message::OtherChanged { target } => format!("このラボと関係のない {target} が変更されました"),
        Message::OtherGone { target } => format!("このラボと関係のない {target} が削除されました"),
        Message::Cel { expression, value } => format!("{expression} は {value} です"),
        Message::CelError { expression, error } => format!("{expression} を評価できません: {error}"),
        Message::MustNot { observed } => format!("次の状態は認められません: {}", say(observed)),
        Message::AllHold => "すべて期待どおりです".to_owned(),
    }
}

fn name(probe: ProbeKind) -> &'static str {
    match probe {
        ProbeKind::Readiness => "Readiness probe",
        ProbeKind::Liveness => "Liveness probe",
        ProbeKind::Startup => "Startup probe",
    }
}

fn fault(flaw: &ProbeFlaw) -> String {
    match flaw {
        ProbeFlaw::NoHandler => "何も確認していません".to_owned(),
        ProbeFlaw::AlwaysSucceeds { command } => format!("失敗しません ({command} は必ず成功します)"),
        ProbeFlaw::OtherHost { host } => format!("別のホスト {host} に問い合わせています"),
        ProbeFlaw::OtherContainer { container, port } => {
            format!("コンテナ {container} のポート {port} に問い合わせています")
        }
        ProbeFlaw::TooSlow { seconds, limit } => {
            format!("障害に気づくまで {seconds} 秒かかります ({limit} 秒以内にしてください)")
        }
    }
}
