//! A cluster that is there already: k3d, minikube, Docker Desktop, a shared training cluster. bbf uses it only where its
//! context was named, and touches nothing in it but one namespace a lab, which carries bbf's mark and is removed with the
//! lab.
//!
//! The learner's kubeconfig is read, never written. What is needed of it, the one context, is kept in a file of bbf's own.

mod fit;
mod kubeconfig;
mod permissions;
mod record;

pub use fit::{Need, needs};

use super::client::{Way, answers, client, failed};
use super::doing::Busy;
use super::owner::{self, LABEL, fnv1a};
use super::{Arrival, Connection, Doing, Error, Pending, Provider, State, Traits, Watcher, readiness};
use crate::lab::Lab;
use crate::platform::files::{self, Access};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::Kubeconfig;
use record::{Folder, Record};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long the cluster may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// How long a new namespace may take until Pods can be made in it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// How long a namespace may take to go.
const GONE_LIMIT: Duration = Duration::from_secs(180);

/// The label of a namespace that names its lab.
const LAB_LABEL: &str = "bbf/lab";

/// The longest name of a namespace.
const LONGEST: usize = 63;

/// Why a cluster that is there can't be used, or not for this lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The learner has no kubeconfig, or it can't be read.
    #[error("the kubeconfig can't be read: {0}")]
    NoKubeconfig(String),
    /// The kubeconfig has no such context.
    #[error("there is no context {context}")]
    NoContext {
        /// The context that was asked for.
        context: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The lab needs what only a cluster of bbf's own has.
    #[error("lab {lab} needs a cluster of its own")]
    Unfit {
        /// The lab.
        lab: String,
        /// What it needs.
        needs: Vec<Need>,
    },
    /// The learner may not do what the lab needs.
    #[error("not allowed: {}", .0.join(", "))]
    Denied(Vec<String>),
    /// The cluster would not take the lab's Pods.
    #[error("{0}")]
    Pods(String),
    /// The namespace is there, and not bbf's.
    #[error("the namespace {0} is not bbf's")]
    NamespaceTaken(String),
    /// The namespace is there, and does not go.
    #[error("the namespace {0} does not go")]
    NamespaceStays(String),
    /// The namespace of the lab is gone.
    #[error("the namespace {0} is gone")]
    Gone(String),
    /// The cluster is not bbf's to stop.
    #[error("the cluster of context {0} is not bbf's")]
    NotOurs(String),
}

/// A lab's namespace on a cluster that is there.
#[derive(Clone)]
pub struct Existing {
    namespace: String,
    context: String,
    folder: Folder,
    owner: String,
    /// `None` where the namespace is only to be looked at or removed.
    lab: Option<Lab>,
    watcher: Watcher,
}

impl Existing {
    /// The place of a lab on the cluster of a context. `state` is bbf's state folder, `clusters` the folder of clusters in it.
    pub fn new(state: &Path, clusters: &Path, context: &str, lab: &Lab, watcher: Watcher) -> Self {
        let owner = owner::id(state);
        let namespace = namespace(lab.id(), &owner, context);
        Self {
            folder: Folder::new(clusters.join(&namespace)),
            namespace,
            context: context.to_owned(),
            owner,
            lab: Some(lab.clone()),
            watcher,
        }
    }

    /// The place that is recorded under this name; `None` where there is none.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn recorded(
        state: &Path,
        clusters: &Path,
        name: &str,
        watcher: Watcher,
    ) -> Result<Option<Self>, Error> {
        let folder = Folder::new(clusters.join(name));
        Ok(folder.record()?.map(|record| Self {
            namespace: name.to_owned(),
            context: record.context,
            folder,
            owner: owner::id(state),
            lab: None,
            watcher,
        }))
    }

    /// The names of the places that are recorded below `clusters`.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn names(clusters: &Path) -> Result<Vec<String>, files::Error> {
        Folder::names(clusters)
    }

    /// Asks whether the cluster of a context answers, without leaving anything behind.
    ///
    /// # Errors
    /// When there is no such context, or it does not answer.
    pub async fn reach(context: &str) -> Result<(), Error> {
        let picked = kubeconfig::pick(kubeconfig::of_the_learner()?, context, "default")?;
        answers(&kubeconfig::client(picked).await?, ANSWER_LIMIT).await
    }

    /// A client with what the learner's kubeconfig says of the context by now: credentials are renewed, and a cluster that was
    /// stopped may come up at another address. That is taken only where the old one does not answer: the name may have gone over to
    /// another cluster.
    async fn client(&self) -> Result<kube::Client, Error> {
        let own = self.folder.kubeconfig();
        let kept = Kubeconfig::read_from(&own).ok();
        let news = kubeconfig::of_the_learner()
            .and_then(|all| kubeconfig::pick(all, &self.context, &self.namespace))
            .ok();
        let at_home = |news: &&Kubeconfig| {
            kept.as_ref()
                .is_none_or(|kept| kubeconfig::server(kept) == kubeconfig::server(news))
        };
        if let Some(news) = news.as_ref().filter(at_home) {
            self.keep(news)?;
        }
        match (self.answering().await, news) {
            (Err(Error::Unreachable(_)), Some(news)) if !at_home(&&news) => {
                answers(&kubeconfig::client(news.clone()).await?, ANSWER_LIMIT).await?;
                self.keep(&news)?;
                self.answering().await
            }
            (answering, _) => answering,
        }
    }

    async fn answering(&self) -> Result<kube::Client, Error> {
        let client = client(&self.folder.kubeconfig(), Way::AsConfigured).await?;
        answers(&client, ANSWER_LIMIT).await?;
        Ok(client)
    }

    /// Keeps the way into the cluster.
    fn keep(&self, picked: &Kubeconfig) -> Result<(), Error> {
        Ok(files::write_json(
            &self.folder.kubeconfig(),
            picked,
            Access::Private,
        )?)
    }

    /// The namespace, if it is there; an error where it is not bbf's.
    async fn there(&self, client: &kube::Client) -> Result<Option<Namespace>, Error> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let there = namespaces.get_opt(&self.namespace).await.map_err(refused)?;
        let marked = |namespace: &Namespace| {
            let labels = namespace.metadata.labels.as_ref();
            labels
                .and_then(|labels| labels.get(LABEL))
                .is_some_and(|owner| *owner == self.owner)
        };
        match there {
            Some(namespace) if !marked(&namespace) => {
                Err(Refusal::NamespaceTaken(self.namespace.clone()).into())
            }
            there => Ok(there),
        }
    }

    async fn found(&self) -> Result<Connection, Error> {
        let gone = || Error::from(Refusal::Gone(self.namespace.clone()));
        self.folder.record()?.ok_or_else(gone)?;
        let client = self.client().await?;
        let there = self.there(&client).await?;
        let living = there.filter(|namespace| namespace.metadata.deletion_timestamp.is_none());
        living.ok_or_else(gone)?;
        Ok(self.connection(client, Arrival::Found))
    }

    fn connection(&self, client: kube::Client, arrival: Arrival) -> Connection {
        Connection {
            client,
            namespace: self.namespace.clone(),
            arrival,
        }
    }

    async fn fresh(&self) -> Result<Connection, Error> {
        let _busy = Busy(&self.watcher);
        let Some(lab) = &self.lab else {
            return Err(Refusal::Gone(self.namespace.clone()).into());
        };
        let needs = needs(lab)?;
        if !needs.is_empty() {
            let lab = lab.id().to_owned();
            return Err(Refusal::Unfit { lab, needs }.into());
        }
        let picked = kubeconfig::pick(kubeconfig::of_the_learner()?, &self.context, &self.namespace)?;
        // Written first: whatever is made from here on is known to be bbf's.
        self.folder.write(&Record::new(&self.context))?;
        self.keep(&picked)?;
        let client = self.client().await?;
        permissions::check(&client, &permissions::to_begin(), &self.namespace).await?;
        self.clear(&client).await?;
        let made = self.make(&client, lab).await;
        if made.is_err() {
            // Nothing of it is of use. What can't be removed now stays recorded.
            self.leave().await.ok();
        }
        made.map(|()| self.connection(client, Arrival::Started))
    }

    async fn make(&self, client: &kube::Client, lab: &Lab) -> Result<(), Error> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": self.namespace, "labels": { LABEL: self.owner, LAB_LABEL: lab.id() }}});
        let namespace: Namespace =
            serde_json::from_value(namespace).map_err(|error| refused(kube::Error::SerdeError(error)))?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .map_err(refused)?;
        permissions::check(client, &permissions::of_the_lab(lab)?, &self.namespace).await?;
        readiness::account_within(client, &self.namespace, READY_LIMIT).await?;
        self.try_pods(client, lab).await
    }

    /// Asks whether the cluster would take the lab's Pods (quotas, limits, Pod security) without making any.
    async fn try_pods(&self, client: &kube::Client, lab: &Lab) -> Result<(), Error> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        for pod in fit::pods(lab)? {
            match pods.create(&dry, &pod).await {
                Err(kube::Error::Api(status)) if fit::is_denied(status.code, &status.message) => {
                    return Err(Refusal::Pods(status.message.clone()).into());
                }
                // The lab may be about Pods that no server takes.
                Ok(_) | Err(kube::Error::Api(_)) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    /// Removes the namespace, if it is there, and waits until it is gone.
    async fn clear(&self, client: &kube::Client) -> Result<(), Error> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let Some(namespace) = self.there(client).await? else {
            return Ok(());
        };
        (self.watcher)(&Doing::RemovingNamespace(self.namespace.clone()));
        if namespace.metadata.deletion_timestamp.is_none() {
            self.delete(&namespaces, namespace).await?;
        }
        let deadline = Instant::now() + GONE_LIMIT;
        while self.there(client).await?.is_some() {
            if Instant::now() > deadline {
                return Err(Refusal::NamespaceStays(self.namespace.clone()).into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn delete(&self, namespaces: &Api<Namespace>, namespace: Namespace) -> Result<(), Error> {
        // Only the namespace that was looked at, should another take its place meanwhile.
        let params = DeleteParams {
            preconditions: Some(kube::api::Preconditions {
                uid: namespace.metadata.uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match namespaces.delete(&self.namespace, &params).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            deleted => deleted.map(drop).map_err(refused),
        }
    }

    async fn removed(&self) -> Result<(), Error> {
        let _busy = Busy(&self.watcher);
        if self.folder.record()?.is_none() {
            return Ok(());
        }
        if self.folder.kubeconfig().exists() {
            let client = self.client().await?;
            match self.clear(&client).await {
                // bbf's own is gone, and what has taken its place is left alone.
                Err(Error::Existing(Refusal::NamespaceTaken(_))) => {}
                cleared => cleared?,
            }
        }
        Ok(self.folder.forget()?)
    }
}

/// The namespace of a lab: `bbf-<lab>-<eight digits>`, the digits another for every owner and context, so that two
/// learners on one cluster don't meet.
fn namespace(lab: &str, owner: &str, context: &str) -> String {
    let digits = format!("{:016x}", fnv1a(format!("{owner}\n{context}").as_bytes()));
    let most = LONGEST - "bbf--".len() - 8;
    let lab: String = lab.chars().take(most).collect();
    format!("bbf-{}-{}", lab.trim_end_matches('-'), &digits[..8])
}

/// What the server said, or why it could not be asked.
fn refused(error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            Refusal::Denied(vec![status.message.clone()]).into()
        }
        other => failed(other),
    }
}

impl Provider for Existing {
    fn kind(&self) -> &'static str {
        "existing"
    }

    fn name(&self) -> &str {
        &self.namespace
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.kubeconfig()
    }

    fn namespace(&self) -> String {
        self.namespace.clone()
    }

    fn traits(&self) -> Traits {
        Traits {
            whole_cluster: false,
            pulls_images: true,
            own_time: false,
        }
    }

    fn state(&self) -> Pending<'_, State> {
        Box::pin(async {
            if self.folder.record()?.is_none() {
                return Ok(State::Absent);
            }
            match self.found().await {
                Ok(_) => Ok(State::Running { pid: None }),
                Err(Error::Existing(Refusal::Gone(_) | Refusal::NamespaceTaken(_))) => Ok(State::Absent),
                Err(error) => Err(error),
            }
        })
    }

    fn ensure(&self) -> Pending<'_, Connection> {
        Box::pin(self.found())
    }

    fn stop(&self) -> Pending<'_, bool> {
        Box::pin(async { Err(Refusal::NotOurs(self.context.clone()).into()) })
    }

    fn renew(&self) -> Pending<'_, Connection> {
        Box::pin(self.fresh())
    }

    fn abandon(&self) -> Pending<'_, ()> {
        Box::pin(self.removed())
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(async {
            match self.removed().await {
                Ok(()) => Ok(()),
                Err(error @ Error::Files(_)) => Err(error),
                // It stays recorded. A learner is not held by a cluster that is out of reach, nor by a namespace that does not go.
                Err(_) => {
                    (self.watcher)(&Doing::LeftForLater(self.namespace.clone()));
                    Ok(())
                }
            }
        })
    }

    fn remove(&self) -> Pending<'_, ()> {
        Box::pin(self.removed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_names_the_lab_and_differs_by_owner_and_context() {
        let own = namespace("ch07-readiness", "o", "k3d");
        assert!(
            own.starts_with("bbf-ch07-readiness-") && own.len() == "bbf-ch07-readiness-".len() + 8,
            "{own}"
        );
        assert_ne!(own, namespace("ch07-readiness", "p", "k3d"));
        assert_ne!(own, namespace("ch07-readiness", "o", "minikube"));
        assert_eq!(namespace(&"x".repeat(80), "o", "c").len(), LONGEST);
    }

    /// A client of a server that answers every Pod so.
    fn answering(code: u16, message: &'static str) -> kube::Client {
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| async move {
            assert!(
                request
                    .uri()
                    .query()
                    .is_some_and(|query| query.contains("dryRun=All")),
                "no Pod is made"
            );
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": "Forbidden", "code": code});
            let body = kube::client::Body::from(status.to_string().into_bytes());
            let mut response = http::Response::new(body);
            *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
            Ok::<_, kube::Error>(response)
        });
        kube::Client::new(service, "default")
    }

    #[tokio::test]
    async fn a_cluster_that_would_not_take_the_labs_pods_is_refused_before_the_lab_begins() {
        let lab = crate::lab::Catalogue::builtin()
            .find("ch07-readiness")
            .unwrap()
            .clone();
        let quota = "pods \"bbf-x\" is forbidden: exceeded quota: class, requested: pods=1, used: pods=4, limited: pods=4";
        let place = Existing::new(
            Path::new("/s"),
            Path::new("/s/c"),
            "class",
            &lab,
            std::rc::Rc::new(|_| {}),
        );
        let refused = place.try_pods(&answering(403, quota), &lab).await.unwrap_err();
        assert!(
            matches!(&refused, Error::Existing(Refusal::Pods(said)) if said == quota),
            "{refused}"
        );
        let webhook = "admission webhook \"policy.example.com\" denied the request: no such image";
        let policy =
            "pods \"bbf-x\" is invalid: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
        for (code, said) in [(400, webhook), (422, policy)] {
            let refused = place.try_pods(&answering(code, said), &lab).await.unwrap_err();
            assert!(matches!(&refused, Error::Existing(Refusal::Pods(_))), "{refused}");
        }
        // A lab may be about a Pod that is invalid: that is for the lab to show.
        place.try_pods(&answering(422, "invalid"), &lab).await.unwrap();
    }
}
