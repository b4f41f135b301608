//! What is in the stand-in's world: containers that are nodes of clusters, images, and what is broken.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bbf::cluster::Provider as _;
use bbf::cluster::embedded::Embedded;
use serde::{Deserialize, Serialize};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The folder that holds everything.
pub(crate) struct World(PathBuf);

/// A container that is a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) running: bool,
    /// `/kind/kubeadm.conf`, once it is written.
    pub(crate) config: Option<String>,
}

impl World {
    pub(crate) fn open() -> Outcome<Self> {
        let root = std::env::var_os("STAND_IN_ROOT").ok_or("STAND_IN_ROOT is not set")?;
        let world = Self(root.into());
        for folder in ["containers", "images", "clusters"] {
            fs::create_dir_all(world.0.join(folder))?;
        }
        Ok(world)
    }

    /// What is broken.
    pub(crate) fn fails(&self, how: &str) -> bool {
        fs::read_to_string(self.0.join("fail")).is_ok_and(|text| text.trim() == how)
    }

    /// Notes a call, and for kind whether it knew of a kubeconfig that is not bbf's.
    pub(crate) fn note(&self, program: &str, arguments: &[&str]) -> Outcome<()> {
        let kubeconfig = std::env::var("KUBECONFIG").ok().filter(|_| program == "kind");
        let kubeconfig = kubeconfig
            .map(|it| format!("KUBECONFIG={it} "))
            .unwrap_or_default();
        let mut calls = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.0.join("calls"))?;
        writeln!(calls, "{kubeconfig}{program} {}", arguments.join(" "))?;
        Ok(())
    }

    fn container(&self, name: &str) -> PathBuf {
        self.0.join("containers").join(name)
    }

    pub(crate) fn put(&self, container: &Container) -> Outcome<()> {
        Ok(fs::write(
            self.container(&container.name),
            serde_json::to_vec(container)?,
        )?)
    }

    pub(crate) fn get(&self, name: &str) -> Outcome<Container> {
        let text = fs::read(self.container(name)).map_err(|_| format!("Error: No such container: {name}"))?;
        Ok(serde_json::from_slice(&text)?)
    }

    pub(crate) fn remove(&self, container: &Container) -> Outcome<()> {
        Ok(fs::remove_file(self.container(&container.name))?)
    }

    pub(crate) fn containers(&self) -> Outcome<Vec<Container>> {
        let mut containers: Vec<Container> = vec![];
        for entry in fs::read_dir(self.0.join("containers"))? {
            containers.push(serde_json::from_slice(&fs::read(entry?.path())?)?);
        }
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    pub(crate) fn nodes(&self, cluster: &str) -> Outcome<Vec<Container>> {
        let mut containers = self.containers()?;
        containers.retain(|it| it.cluster == cluster);
        Ok(containers)
    }

    pub(crate) fn clusters(&self) -> Outcome<BTreeSet<String>> {
        Ok(self.containers()?.into_iter().map(|it| it.cluster).collect())
    }

    fn image(&self, name: &str) -> PathBuf {
        self.0.join("images").join(name.replace('/', "%"))
    }

    pub(crate) fn has_image(&self, name: &str) -> bool {
        self.image(name).exists()
    }

    pub(crate) fn add_image(&self, name: &str) -> Outcome<()> {
        Ok(fs::write(self.image(name), "")?)
    }

    /// Fetches an image, unless it is there or there is no network.
    pub(crate) fn pull(&self, image: &str) -> Outcome<()> {
        if self.has_image(image) {
            return Ok(());
        }
        if self.fails("no-network") {
            let why = "dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host";
            return Err(format!(
                "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": {why}"
            )
            .into());
        }
        self.add_image(image)
    }

    /// The podling behind a cluster.
    pub(crate) fn podling(&self, cluster: &str, config: Option<podling::Config>) -> Outcome<Embedded> {
        let (folder, program) = (self.0.join("clusters"), std::env::current_exe()?);
        Ok(match config {
            Some(config) => Embedded::new(&folder, cluster, program, config),
            None => Embedded::existing(&folder, cluster, program),
        })
    }

    /// Gives the way into a cluster, as kind names it.
    pub(crate) fn export_kubeconfig(&self, cluster: &str, to: &Path) -> Outcome<()> {
        let text = fs::read_to_string(self.podling(cluster, None)?.kubeconfig())?;
        let own = format!("\"bbf-{cluster}\"");
        Ok(fs::write(to, text.replace(&own, &format!("\"kind-{cluster}\"")))?)
    }
}
