//! `kind`, with the words of v0.33.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bbf::cluster::Provider as _;
use bbf::cluster::kind_config;
use podling::clock::Time;
use podling::{Components, Config, NodeConfig};

use crate::world::{Container, World};
use crate::{Outcome, option};

pub(crate) async fn run(world: &World, arguments: &[&str]) -> Outcome {
    if arguments == ["version"] {
        let version = if world.fails("old-kind") {
            "v0.20.0"
        } else {
            "v0.33.0"
        };
        println!("kind {version} go1.27.2 linux/amd64");
        return Ok(());
    }
    if world.fails("docker-down") {
        return Err("ERROR: failed to list clusters: command \"docker ps\" failed with error: exit status 1\n\n\
            Command Output: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
            .into());
    }
    let name = option(arguments, "--name").unwrap_or("kind");
    let kubeconfig = || {
        option(arguments, "--kubeconfig")
            .map(Path::new)
            .ok_or("a kubeconfig that is not bbf's")
    };
    if let Some(kubeconfig) = option(arguments, "--kubeconfig") {
        let lock = format!("{kubeconfig}.lock");
        if Path::new(&lock).exists() {
            return Err(format!("ERROR: failed to lock config file: open {lock}: file exists").into());
        }
    }
    match arguments {
        ["get", "clusters"] => {
            let clusters = world.clusters()?;
            if clusters.is_empty() {
                eprintln!("No kind clusters found.");
            }
            clusters.iter().for_each(|name| println!("{name}"));
            Ok(())
        }
        ["create", "cluster", ..] => {
            let config = fs::read_to_string(option(arguments, "--config").ok_or("no configuration")?)?;
            let image = option(arguments, "--image").ok_or("no image")?;
            create(world, name, &config, image, kubeconfig()?).await
        }
        ["delete", "cluster", ..] => {
            kubeconfig()?;
            eprintln!("Deleting cluster \"{name}\" ...");
            world.podling(name, None)?.remove().await?;
            for node in world.nodes(name)? {
                world.remove(&node)?;
            }
            Ok(())
        }
        ["export", "kubeconfig", ..] => world.export_kubeconfig(name, kubeconfig()?),
        ["load", "image-archive", archive, "--name", _] => match fs::read_to_string(archive)?.is_empty() {
            true => Err("ERROR: failed to load image: no images in the archive".into()),
            false => Ok(()),
        },
        // It asks docker, whatever the nodes run in.
        ["load", "docker-image", "--name", _, images @ ..] => {
            match images.iter().find(|image| !world.has_image(image)) {
                Some(image) => Err(format!("ERROR: image: \"{image}\" not present locally").into()),
                None => Ok(()),
            }
        }
        _ => Err(format!("ERROR: unknown command {arguments:?} for \"kind\"").into()),
    }
}

/// One of kind's steps: told when it begins, and how it ended.
fn step(words: &str, done: Outcome) -> Outcome {
    eprintln!(" • {words}  ...");
    eprintln!(" {} {words}", if done.is_ok() { '✓' } else { '✗' });
    done.map_err(|error| format!("ERROR: failed to create cluster: {error}").into())
}

async fn create(world: &World, name: &str, config: &str, image: &str, kubeconfig: &Path) -> Outcome {
    if world.fails("overtaken") {
        prepare(
            world,
            name,
            &kind_config::nodes("the configuration", config, name)?,
        )?;
    }
    if !world.nodes(name)?.is_empty() {
        return Err(format!(
            "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"{name}\""
        )
        .into());
    }
    eprintln!("Creating cluster \"{name}\" ...");
    let in_podman = std::env::var("KIND_EXPERIMENTAL_PROVIDER").is_ok_and(|it| it == "podman");
    let full = format!("docker.io/{image}");
    let pulled = world.pull(if in_podman { &full } else { image });
    step(&format!("Ensuring node image ({image}) 🖼️"), pulled)?;
    let nodes = kind_config::nodes("the configuration", config, name)?;
    step("Preparing nodes 📦", prepare(world, name, &nodes))?;
    if world.fails("hang") {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    let labels = |node: &NodeConfig| {
        let pairs: Vec<String> = node
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "nodeRegistration:\n  kubeletExtraArgs:\n    node-labels: \"{}\"\n",
            pairs.join(",")
        )
    };
    for node in &nodes {
        let config = Some(labels(node));
        world.put(&Container {
            config,
            ..world.get(&node.name)?
        })?;
    }
    step("Writing configuration 📜", Ok(()))?;
    let config = Config {
        seed: 1,
        start: Time::default(),
        nodes,
        components: Components::default(),
    };
    let up = world.podling(name, Some(config))?.ensure().await;
    step("Starting control-plane 🕹️", up.map(drop).map_err(Into::into))?;
    world.export_kubeconfig(name, kubeconfig)?;
    eprintln!("Set kubectl context to \"kind-{name}\"\n\nHave a nice day! 👋");
    Ok(())
}

fn prepare(world: &World, name: &str, nodes: &[NodeConfig]) -> Outcome {
    if world.fails("disk-full") {
        return Err(
            "command \"docker run\" failed with error: exit status 125\n\nCommand Output: \
            Error response from daemon: mkdir /var/lib/docker/overlay2/x: no space left on device"
                .into(),
        );
    }
    if world.fails("port-taken") {
        return Err(
            "command \"docker run\" failed with error: exit status 125\n\nCommand Output: \
            docker: Error response from daemon: Bind for 127.0.0.1:30599 failed: port is already allocated."
                .into(),
        );
    }
    for node in nodes {
        world.put(&Container {
            name: node.name.clone(),
            cluster: name.to_owned(),
            running: true,
            config: None,
        })?;
    }
    Ok(())
}
