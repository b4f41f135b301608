//! The learner's kubeconfig, which is only read, and what is taken from it: one context with its cluster and its user.

use super::Refusal;
use crate::cluster::Error;
use kube::config::{Context, KubeConfigOptions, Kubeconfig, NamedContext};

/// The kubeconfig that kubectl would use here.
pub(super) fn of_the_learner() -> Result<Kubeconfig, Error> {
    Kubeconfig::read().map_err(|error| Refusal::NoKubeconfig(error.to_string()).into())
}

/// A kubeconfig with one context and nothing else, whose namespace is `namespace`.
pub(super) fn pick(all: Kubeconfig, context: &str, namespace: &str) -> Result<Kubeconfig, Error> {
    let found = all.contexts.iter().find(|it| it.name == context);
    let Some(inner) = found.and_then(|it| it.context.clone()) else {
        let known = all.contexts.into_iter().map(|it| it.name).collect();
        let context = context.to_owned();
        return Err(Refusal::NoContext { context, known }.into());
    };
    let cluster = inner.cluster.clone();
    let user = inner.user.clone();
    let context = NamedContext {
        name: context.to_owned(),
        context: Some(Context {
            namespace: Some(namespace.to_owned()),
            ..inner
        }),
        ..NamedContext::default()
    };
    Ok(Kubeconfig {
        clusters: all.clusters.into_iter().filter(|it| it.name == cluster).collect(),
        auth_infos: all
            .auth_infos
            .into_iter()
            .filter(|it| user.as_ref().is_some_and(|user| it.name == *user))
            .collect(),
        current_context: Some(context.name.clone()),
        contexts: vec![context],
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        ..Kubeconfig::default()
    })
}

/// A client of what a kubeconfig leads to.
pub(super) async fn client(kubeconfig: Kubeconfig) -> Result<kube::Client, Error> {
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| Refusal::NoKubeconfig(error.to_string()))?;
    config.proxy_url = None;
    kube::Client::try_from(config).map_err(|error| Error::Unreachable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "apiVersion: v1\nkind: Config\ncurrent-context: work\n\
        clusters:\n- {name: work, cluster: {server: 'https://work'}}\n- {name: class, cluster: {server: 'https://class'}}\n\
        users:\n- {name: me, user: {token: secret}}\n- {name: student, user: {token: other}}\n\
        contexts:\n- {name: work, context: {cluster: work, user: me}}\n\
        - {name: class, context: {cluster: class, user: student, namespace: mine}}\n";

    #[test]
    fn only_the_named_context_is_taken() {
        let all = Kubeconfig::from_yaml(TWO).unwrap();
        let picked = pick(all, "class", "bbf-x").unwrap();
        let text = serde_json::to_string(&picked).unwrap();
        for (word, there) in [
            ("https://class", true),
            ("other", true),
            ("bbf-x", true),
            ("work", false),
            ("secret", false),
        ] {
            assert_eq!(text.contains(word), there, "{word}: {text}");
        }
        assert_eq!(
            Kubeconfig::from_yaml(&text).unwrap().current_context.as_deref(),
            Some("class")
        );
    }

    #[test]
    fn an_unknown_context_is_told_with_those_that_there_are() {
        let error = pick(Kubeconfig::from_yaml(TWO).unwrap(), "clas", "x").unwrap_err();
        let Error::Existing(Refusal::NoContext { known, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!(known, ["work", "class"]);
    }
}
