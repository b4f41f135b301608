//! Clusters that bbf makes with kind: one for each configuration, named `bbf-<configuration>`, kept from lab to lab.
//!
//! bbf touches only what is its own: a cluster is begun only after that was written down, and its nodes carry a mark
//! (the label `bbf/owner`) that bbf can work out again when it has lost its records. Every other cluster is left alone.

mod containers;
mod decide;
mod failure;
mod machine;
mod node_image;
mod program;
mod progress;
mod provider;
mod record;
mod runtime;

pub use containers::Containers;
pub use failure::Failure;
pub use machine::{Hindrance, INOTIFY, Machine, RuntimeInfo, is_taken};
pub use node_image::{PINNED, meant as node_image, tag as tag_of};
use program::KindProgram;
pub use program::OLDEST;
pub use runtime::Runtime;

use super::client::{Way, answers, client};
use super::doing::Busy;
use super::{
    Arrival, Connection, Doing, Error, Provider as _, State, Watcher, kind_config, owner, readiness, sweep,
};
use crate::manifest;
use crate::platform::files::{self, Access};
use crate::platform::lock::{self, Lock};
use crate::platform::processes::{self, Ending};
use crate::platform::temporary::TemporaryFile;
use containers::NodeContainer;
use decide::{Plan, There, Why, decide, is_ours};
use program::Making;
use record::{Folder, MadeOf, Record, Stage};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How long a cluster that runs may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How long a cluster that runs may take until it answers and all its nodes are ready (docker may have been started a moment
/// ago), and how long to wait between looks.
const AWAKE_LIMIT: Duration = Duration::from_secs(40);
const AWAKE_PAUSE: Duration = Duration::from_millis(500);

/// How long a cluster may take until all its nodes are ready.
const READY_LIMIT: Duration = Duration::from_secs(240);

/// How long a kind that outlived its bbf may take to end.
const ENDING_LIMIT: Duration = Duration::from_secs(5);

/// The metrics server, as kind needs it.
const METRICS_SERVER: &str = include_str!("../../manifests/add-ons/metrics-server.yaml");

/// What a cluster is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The text of the kind configuration.
    pub config: String,
    /// The image of the nodes, as the learner named it; `None` for the pinned one.
    pub node_image: Option<String>,
    /// Whether the lab looks at metrics.
    pub metrics: bool,
}

/// A kind cluster of bbf's.
#[derive(Clone)]
pub struct Kind {
    name: String,
    folder: Folder,
    owner: String,
    /// `None` for a cluster that is only to be looked at, stopped, or deleted.
    wanted: Option<Wanted>,
    watcher: Watcher,
}

/// What is on a cluster that is to be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupancy {
    /// Nothing that matters: it may be swept.
    Free,
    /// A lab that is just being started, stopped or proved. That sweeps the cluster itself, and then counts on what it put there.
    Starting,
    /// A lab that is running. It is gone if the cluster is.
    Running,
}

/// The programs that are needed.
struct Programs {
    kind: KindProgram,
    containers: Containers,
}

/// What is known about the cluster at this moment.
struct Look {
    record: Option<Record>,
    there: There,
    nodes: Vec<NodeContainer>,
}

impl Kind {
    /// The cluster of a configuration. `state` is bbf's state folder, `clusters` the folder of clusters in it.
    pub fn new(state: &Path, clusters: &Path, configuration: &str, wanted: Wanted, watcher: Watcher) -> Self {
        Self {
            wanted: Some(wanted),
            ..Self::named(state, clusters, &cluster_name(configuration), watcher)
        }
    }

    /// The cluster of this name, to be looked at, stopped or deleted.
    pub fn named(state: &Path, clusters: &Path, name: &str, watcher: Watcher) -> Self {
        Self {
            name: name.to_owned(),
            folder: Folder::new(clusters.join(name)),
            owner: owner::id(state),
            wanted: None,
            watcher,
        }
    }

    /// The names of the clusters that are recorded below `clusters`.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn names(clusters: &Path) -> Result<Vec<String>, files::Error> {
        Folder::names(clusters)
    }

    /// The names of the clusters that are there and carry bbf's mark, recorded or not; none where kind can't be asked.
    pub async fn marked(state: &Path) -> Vec<String> {
        let Ok(programs) = Programs::find(None) else {
            return vec![];
        };
        let mut marked = vec![];
        for name in programs.kind.clusters().await.unwrap_or_default() {
            let nodes = programs.containers.nodes(&name).await.unwrap_or_default();
            let Some(node) = nodes.first() else { continue };
            if programs.containers.mark(&node.name).await.ok().flatten() == Some(owner::id(state)) {
                marked.push(name);
            }
        }
        marked
    }

    /// Sees to it that the cluster is there and clean, unless `occupancy` tells of a lab on it. It is asked when no other
    /// command can begin or sweep the cluster any more.
    ///
    /// # Errors
    /// When the cluster can't be had, another command is at work on it, or what a running lab is on is gone.
    pub async fn prepare<E: From<Error>>(
        &self,
        occupancy: impl FnOnce() -> Result<Occupancy, E>,
    ) -> Result<(), E> {
        let _busy = Busy(&self.watcher);
        let _alone = self.lock("bbf cluster prepare")?;
        let occupancy = occupancy()?;
        if occupancy != Occupancy::Free {
            match self.found_now().await {
                Err(Error::Kind(Failure::Gone(_))) if occupancy == Occupancy::Starting => {}
                found => return Ok(found.map(drop)?),
            }
        }
        Ok(self.clean_alone().await.map(drop)?)
    }

    /// Fetches what is missing of `images` and puts all of them on the nodes.
    ///
    /// # Errors
    /// When an image can't be had, or the cluster is not there.
    pub async fn preload(&self, images: &[String]) -> Result<(), Error> {
        let _busy = Busy(&self.watcher);
        let (programs, look) = self.look().await?;
        self.must_be_there(&look)?;
        for image in images {
            if !programs.containers.has_image(image).await? {
                (self.watcher)(&Doing::Pulling(image.clone()));
                programs.containers.pull(image).await?;
            }
        }
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        if !images.is_empty() {
            (self.watcher)(&Doing::LoadingImages {
                name: self.name.clone(),
                count: images.len(),
            });
            self.load(&programs, &images).await?;
        }
        Ok(())
    }

    /// Puts images that the runtime has on the nodes.
    async fn load(&self, programs: &Programs, images: &[&str]) -> Result<(), Failure> {
        let Programs { kind, containers } = programs;
        if containers.runtime.is_known_to_kind_load() {
            return kind.load_images(&self.name, images).await;
        }
        // It is as large as the images are, and goes even where the learner has had enough.
        let archive = TemporaryFile(self.folder.images());
        containers.save(&archive.0, images).await?;
        kind.load_archive(&self.name, &archive.0).await
    }

    /// Whether the cluster is there and its API answers, whatever else is wrong.
    async fn running(&self) -> Result<State, Error> {
        let (_, look) = self.look().await?;
        Ok(match look.there {
            There::Own { running: true } => State::Running { pid: None },
            There::Own { running: false } => State::Stopped,
            There::Unmarked if is_ours(look.stage(), look.there) => State::Stopped,
            There::Nothing | There::Foreign | There::Unmarked => State::Absent,
        })
    }

    async fn look(&self) -> Result<(Programs, Look), Error> {
        let record = self.folder.record()?;
        let programs = Programs::find(record.as_ref().map(|record| record.runtime))?;
        let nodes = programs.containers.nodes(&self.name).await?;
        let there = self.there(&programs, record.as_ref(), &nodes).await?;
        Ok((programs, Look { record, there, nodes }))
    }

    async fn there(
        &self,
        programs: &Programs,
        record: Option<&Record>,
        nodes: &[NodeContainer],
    ) -> Result<There, Error> {
        let Some(first) = nodes.first() else {
            return Ok(There::Nothing);
        };
        let control_plane = nodes.iter().find(|node| node.name.ends_with("-control-plane"));
        let mark = programs
            .containers
            .mark(&control_plane.unwrap_or(first).name)
            .await?;
        let own = [
            Some(self.owner.as_str()),
            record.map(|record| record.owner.as_str()),
        ];
        Ok(match mark {
            None => There::Unmarked,
            mark if own.contains(&mark.as_deref()) => There::Own {
                running: nodes.iter().all(|node| node.running),
            },
            Some(_) => There::Foreign,
        })
    }

    fn must_be_there(&self, look: &Look) -> Result<(), Failure> {
        match look.there {
            There::Own { .. } => Ok(()),
            There::Nothing => Err(Failure::Gone(self.name.clone())),
            // A half made one is none yet.
            There::Unmarked if is_ours(look.stage(), look.there) => Err(Failure::Gone(self.name.clone())),
            There::Foreign | There::Unmarked => Err(Failure::Foreign(self.name.clone())),
        }
    }

    fn lock(&self, doing: &str) -> Result<Lock, Error> {
        files::make_folder(self.folder.path())?;
        Lock::take(&self.folder.lock(), doing).map_err(|error| match error {
            lock::Error::Held(holder) => Failure::InUse {
                name: self.name.clone(),
                holder: holder.to_string(),
            }
            .into(),
            lock::Error::File(error) => error.into(),
        })
    }

    /// Finds the cluster and brings it back if it had stopped, but makes none: what was in one that is gone is gone.
    async fn found(&self) -> Result<Connection, Error> {
        let _busy = Busy(&self.watcher);
        match self.found_now().await {
            // Another command may be making it at this moment, or have just done so.
            Err(Error::Kind(Failure::Gone(_))) => {
                let _alone = self.lock("bbf")?;
                self.found_now().await
            }
            found => found,
        }
    }

    async fn found_now(&self) -> Result<Connection, Error> {
        let (programs, look) = self.look().await?;
        self.must_be_there(&look)?;
        if look
            .record
            .as_ref()
            .is_none_or(|record| record.inventory.is_none())
        {
            return Err(Failure::Gone(self.name.clone()).into());
        }
        self.reach(&programs, &look).await
    }

    async fn reach(&self, programs: &Programs, look: &Look) -> Result<Connection, Error> {
        let arrival = if look.there == (There::Own { running: true }) {
            Arrival::Found
        } else {
            self.start_nodes(programs, look).await?;
            Arrival::BroughtBack {
                damaged: None,
                moved: false,
            }
        };
        if !self.kubeconfig().exists() {
            programs
                .kind
                .export_kubeconfig(&self.name, &self.kubeconfig())
                .await?;
        }
        let client = self.client().await?;
        if arrival == Arrival::Found {
            answers(&client, ANSWER_LIMIT).await?;
        } else {
            (self.watcher)(&Doing::WaitingForNodes);
            readiness::all_ready_within(&client, &self.namespace(), READY_LIMIT).await?;
        }
        Ok(self.connection(client, arrival))
    }

    async fn start_nodes(&self, programs: &Programs, look: &Look) -> Result<(), Error> {
        (self.watcher)(&Doing::StartingNodes(self.name.clone()));
        let stopped = look.nodes.iter().filter(|node| !node.running);
        let stopped: Vec<&str> = stopped.map(|node| node.name.as_str()).collect();
        Ok(programs.containers.start(&stopped).await?)
    }

    async fn client(&self) -> Result<kube::Client, Error> {
        client(&self.kubeconfig(), Way::Direct).await
    }

    fn connection(&self, client: kube::Client, arrival: Arrival) -> Connection {
        Connection {
            client,
            namespace: self.namespace(),
            arrival,
        }
    }

    /// A cluster that is as it was when it was new: made, or found and swept.
    async fn clean(&self) -> Result<Connection, Error> {
        let _alone = self.lock("bbf")?;
        self.clean_alone().await
    }

    async fn clean_alone(&self) -> Result<Connection, Error> {
        self.end_orphan();
        let (programs, look) = self.look().await?;
        let made_of = self.made_of(&programs).await?;
        let as_wanted = look
            .record
            .as_ref()
            .is_none_or(|record| record.made_of.is_like(&made_of));
        match decide(look.stage(), look.there, as_wanted) {
            Plan::Refuse => Err(Failure::Foreign(self.name.clone()).into()),
            Plan::Make => self.make(&programs, made_of).await,
            Plan::Remake(why) => {
                (self.watcher)(&match why {
                    Why::HalfMade => Doing::RemovingHalfMade(self.name.clone()),
                    Why::Unknown => Doing::Deleting(self.name.clone()),
                    Why::MadeOtherwise => Doing::OtherwiseMade(self.name.clone()),
                });
                self.delete(&programs).await?;
                self.make(&programs, made_of).await
            }
            Plan::Use | Plan::Start => self.swept(&programs, &look, made_of).await,
        }
    }

    async fn swept(&self, programs: &Programs, look: &Look, made_of: MadeOf) -> Result<Connection, Error> {
        let left = match self.sweep(programs, look, AWAKE_LIMIT).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(left)) => left,
            // A learner may break more than a sweep can mend, the API server itself too.
            Err(Error::Unreachable(why) | Error::Unauthenticated(why) | Error::Damaged { why, .. }) => {
                vec![why]
            }
            Err(Error::NotReady(why)) => vec![why.to_string()],
            Err(error) => return Err(error),
        };
        (self.watcher)(&Doing::NotClean(left));
        self.delete(programs).await?;
        self.make(programs, made_of).await
    }

    /// Reaches a cluster whose nodes may have come up with docker only a moment ago.
    async fn awake(&self, programs: &Programs, look: &Look, patience: Duration) -> Result<Connection, Error> {
        let deadline = Instant::now() + patience;
        loop {
            match self.reach(programs, look).await {
                Err(Error::Unreachable(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(AWAKE_PAUSE).await;
                }
                reached => return reached,
            }
        }
    }

    /// Sweeps a cluster that is there; or else says what is not as it was. A node that is not ready would hold its Pods for ever.
    async fn sweep(
        &self,
        programs: &Programs,
        look: &Look,
        patience: Duration,
    ) -> Result<Result<Connection, Vec<String>>, Error> {
        let connection = self.awake(programs, look, patience).await?;
        let client = &connection.client;
        (self.watcher)(&Doing::Sweeping);
        readiness::all_ready_within(client, &self.namespace(), patience).await?;
        let inventory = look.record.as_ref().and_then(|record| record.inventory.as_ref());
        let swept = sweep::sweep(client, inventory.unwrap_or(&<_>::default())).await?;
        Ok(swept.map(|()| connection))
    }

    /// Sweeps the cluster, if a lab was on it.
    async fn left(&self) -> Result<(), Error> {
        let _alone = self.lock("bbf lab stop")?;
        self.end_orphan();
        let (programs, look) = self.look().await?;
        let (There::Own { .. }, Some(Stage::Made)) = (look.there, look.stage()) else {
            // Nothing of the lab is left, or nothing of it was ever there.
            return Ok(());
        };
        // What can't be swept at once is swept before the next lab.
        if let Err(left) = self.sweep(&programs, &look, Duration::ZERO).await? {
            (self.watcher)(&Doing::NotClean(left));
            self.delete(&programs).await?;
        }
        Ok(())
    }

    async fn made_of(&self, programs: &Programs) -> Result<MadeOf, Error> {
        let Some(wanted) = &self.wanted else {
            return Err(Failure::Gone(self.name.clone()).into());
        };
        let image = node_image::meant(wanted.node_image.as_deref());
        // An image that is there under either name settles under which it is used.
        let mut there = vec![];
        for name in [image.as_str(), node_image::tag(&image)] {
            if programs.containers.has_image(name).await? {
                there.push(name.to_owned());
            }
        }
        Ok(MadeOf {
            config: wanted.config.clone(),
            node_image: node_image::usable(&image, |name| there.iter().any(|it| it == name)).to_owned(),
        })
    }

    async fn make(&self, programs: &Programs, made_of: MadeOf) -> Result<Connection, Error> {
        if node_image::is_pinned(&made_of.node_image) {
            programs.kind.must_be_new_enough().await?;
        }
        let config = kind_config::marked(&self.name, &made_of.config, &self.owner)?;
        let mut record = Record::begun(self.owner.clone(), programs.containers.runtime, made_of);
        self.folder.write(&record)?;
        files::write(&self.folder.config(), config.as_bytes(), Access::Usual)?;
        (self.watcher)(&Doing::Creating {
            name: self.name.clone(),
            node_image: record.made_of.node_image.clone(),
        });
        let making = Making {
            name: &self.name,
            config: &self.folder.config(),
            node_image: &record.made_of.node_image,
            kubeconfig: &self.kubeconfig(),
            log: &self.folder.log(),
            pid: &self.folder.pid(),
        };
        match programs.kind.create(&making, &self.watcher).await {
            Ok(()) => {}
            // Someone was faster with a cluster of the same name. It may carry no mark yet, and nothing of it is bbf's.
            Err(Failure::AlreadyThere) => {
                self.folder.forget()?;
                return Err(Failure::Foreign(self.name.clone()).into());
            }
            Err(failure) => {
                self.tidy_up(programs).await;
                return Err(failure.into());
            }
        }
        let client = self.client().await?;
        (self.watcher)(&Doing::WaitingForNodes);
        readiness::all_ready_within(&client, &self.namespace(), READY_LIMIT).await?;
        record.inventory = Some(sweep::inventory(&client).await?);
        self.folder.write(&record)?;
        Ok(self.connection(client, Arrival::Started))
    }

    /// After a failure: what can't be removed now is removed by the next command, since it is recorded as half made.
    async fn tidy_up(&self, programs: &Programs) {
        let Ok((_, look)) = self.look().await else { return };
        match look.there {
            There::Nothing => drop(self.folder.forget()),
            there if is_ours(look.stage(), there) => drop(self.delete(programs).await),
            // Another bbf was faster with a cluster of the same name: nothing of it is ours.
            _ => drop(self.folder.forget()),
        }
    }

    async fn delete(&self, programs: &Programs) -> Result<(), Error> {
        programs.kind.delete(&self.name, &self.kubeconfig()).await?;
        Ok(self.folder.forget()?)
    }

    /// Ends a kind that goes on making the cluster although its bbf was killed, and takes away the lock that a killed kind leaves
    /// beside the kubeconfig. Under bbf's own lock no other kind is at work on it.
    fn end_orphan(&self) {
        let pid = files::read(&self.folder.pid()).ok().flatten();
        let pid: Option<u32> = pid.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
        let is_it = |pid: u32| {
            processes::command_line(pid)
                .is_some_and(|line| line.contains("create cluster") && line.contains(&self.name))
        };
        if let Some(pid) = pid.filter(|pid| is_it(*pid)) {
            // One that is gone by now is what is wanted.
            processes::end(pid, Ending::Forced).ok();
            processes::wait_until(ENDING_LIMIT, || !is_it(pid));
        }
        // If it can't be removed, kind says so.
        files::remove(&self.folder.kubeconfig_lock()).ok();
    }

    async fn add_ons(&self, connection: &Connection) -> Result<(), Error> {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.metrics) {
            (self.watcher)(&Doing::AddOn("metrics-server"));
            let documents = manifest::parse("manifests/add-ons/metrics-server.yaml", METRICS_SERVER)?;
            manifest::apply(&connection.client, "kube-system", &documents).await?;
        }
        Ok(())
    }
}

/// The images of the add-ons.
pub fn add_on_images() -> Vec<String> {
    let images = METRICS_SERVER
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "));
    images.map(str::to_owned).collect()
}

/// The name of the cluster of a configuration.
pub fn cluster_name(configuration: &str) -> String {
    format!("bbf-{configuration}")
}

impl Look {
    fn stage(&self) -> Option<Stage> {
        self.record.as_ref().map(Record::stage)
    }
}

impl Programs {
    /// The recorded runtime, or the one that kind would use.
    fn find(recorded: Option<Runtime>) -> Result<Self, Failure> {
        let containers = recorded.map_or_else(Containers::find, Containers::of)?;
        let kind = KindProgram::find(containers.runtime)?;
        Ok(Self { kind, containers })
    }
}
