//! A cluster for trying things out: `cargo run -p podling-server --example serve -- FOLDER`.
//!
//! FOLDER holds the journal, the keys and the kubeconfig; run it again with the same folder, and the cluster is
//! as it was. Ctrl-C stops it.

#![expect(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::path::PathBuf;

use podling::clock::Time;
use podling::{Components, Config, NodeConfig};
use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource, write_private};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("name a folder for the cluster's state")?,
    );
    std::fs::create_dir_all(&folder)?;
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, Some(&folder.join("journal")))?;
    if let Some(recovered) = cluster.recovered() {
        println!("brought back: {recovered:?}");
    }
    let identity = Identity::load_or_create(&folder.join("identity.json"))?;
    let endpoint = cluster.serve(&identity, &ServeOptions::default()).await?;
    let kubeconfig = folder.join("kubeconfig");
    write_private(&kubeconfig, &endpoint.kubeconfig)?;
    println!("{}\nexport KUBECONFIG={}", endpoint.url, kubeconfig.display());
    tokio::signal::ctrl_c().await?;
    cluster.stop().await;
    Ok(())
}

/// One node that takes the labs' pods.
fn config() -> Config {
    let node = NodeConfig::worker("node-1", "4", "8Gi");
    Config {
        seed: 1,
        start: Time::default(),
        nodes: vec![node],
        components: Components::default(),
    }
}
