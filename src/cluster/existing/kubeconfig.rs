//! The learner's kubeconfig, which is only read, and what is taken from it: one context with its cluster and its user.

use super::Refusal;
use crate::cluster::Error;
use crate::cluster::client::failed;
use kube::config::{Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedContext};
use std::path::PathBuf;

/// The kubeconfig that kubectl would use here: the files that `KUBECONFIG` names, or the usual one.
pub(super) fn of_the_learner() -> Result<Kubeconfig, Error> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let files: Vec<PathBuf> = std::env::split_paths(&named)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let read = if files.is_empty() {
        Kubeconfig::read()
    } else {
        merged(&files)
    };
    read.map_err(|error| Refusal::NoKubeconfig(error.to_string()).into())
}

/// The files as one, as client-go's loading rules have it: those that are missing are left out. What they name beside themselves is
/// found from any folder.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig, KubeconfigError> {
    let mut there = files.iter().filter(|file| file.exists());
    there.try_fold(Kubeconfig::default(), |before, file| {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        before.merge(Kubeconfig::read_from(file)?)
    })
}

/// Where the cluster of a picked context is.
pub(super) fn server(picked: &Kubeconfig) -> Option<&str> {
    picked.clusters.first()?.cluster.as_ref()?.server.as_deref()
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
    kube::Client::try_from(config).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

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
    fn several_files_are_one_and_those_that_are_missing_are_left_out() {
        let scratch = Scratch::new();
        let first = "users:\n- {name: me, user: {client-key: keys/me.pem}}\n";
        std::fs::write(scratch.path("first"), first).unwrap();
        std::fs::write(scratch.path("second"), TWO).unwrap();
        let files = ["none", "first", "second"].map(|name| scratch.path(name));
        let all = merged(&files).unwrap();
        assert_eq!(all.contexts.len(), 2);
        let me = all.auth_infos.iter().find(|it| it.name == "me").unwrap();
        let key = me.auth_info.as_ref().unwrap().client_key.clone();
        assert_eq!(key, Some(scratch.path("keys/me.pem").display().to_string()));
        assert!(merged(&files[..1]).unwrap().contexts.is_empty());
        std::fs::write(scratch.path("first"), "{").unwrap();
        merged(&files).unwrap_err();
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
