//! `docker`, as far as bbf asks it, and `podman`, which knows no image by a short name.

use std::fs;
use std::time::Duration;

use bbf::cluster::Provider as _;

use crate::world::{Container, World};
use crate::{Outcome, option};

/// podman's images by their whole names only, and archives of several images only if it is asked for one.
fn refused_by_podman(arguments: &[&str]) -> Option<String> {
    let names = match arguments {
        ["save", "--output", _, _, _, ..] => return Some("Error: specify --multi-image-archive".to_owned()),
        ["pull" | "tag", names @ ..]
        | ["save", "--output", _, names @ ..]
        | ["save", _, "--output", _, names @ ..] => names,
        _ => &[][..],
    };
    let short = names
        .iter()
        .find(|name| !name.starts_with("docker.io/") && !name.starts_with("registry.k8s.io/"))?;
    Some(format!(
        "Error: short-name \"{short}\" did not resolve to an alias"
    ))
}

pub(crate) async fn run(world: &World, program: &str, arguments: &[&str]) -> Outcome {
    if program == "podman"
        && let Some(why) = refused_by_podman(arguments)
    {
        return Err(why.into());
    }
    if world.fails("docker-down") {
        return Err("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?".into());
    }
    match arguments {
        ["info", ..] => {
            println!(
                "{}",
                serde_json::json!({"ServerVersion": "28.2.2", "CgroupVersion": "2", "MemTotal": 8_u64 << 30, "Architecture": "x86_64"})
            );
            Ok(())
        }
        ["ps", ..] => {
            let label = option(arguments, "--filter").and_then(|filter| filter.rsplit('=').next());
            for node in world.nodes(label.ok_or("no filter")?)? {
                println!(
                    "{} {}",
                    node.name,
                    if node.running {
                        "Up 3 minutes"
                    } else {
                        "Exited (137) 1 minute ago"
                    }
                );
            }
            Ok(())
        }
        ["cp", source, "-"] => {
            let (name, path) = source.split_once(':').ok_or("no path")?;
            let missing =
                || format!("Error response from daemon: Could not find the file {path} in container {name}");
            print!("{}", world.get(name)?.config.ok_or_else(missing)?);
            Ok(())
        }
        ["start", names @ ..] => turn(world, names, true).await,
        ["stop", names @ ..] => turn(world, names, false).await,
        ["image", "inspect", image] => match world.has_image(image) {
            true => Ok(()),
            false => Err(format!("Error response from daemon: No such image: {image}").into()),
        },
        ["pull", image] => world.pull(image),
        ["tag", _, name] => world.add_image(name),
        ["save", "--output", archive, images @ ..]
        | ["save", "--multi-image-archive", "--output", archive, images @ ..] => {
            if world.fails("disk-full") {
                fs::write(archive, "half")?;
                return Err(format!("write {archive}: no space left on device").into());
            }
            if world.fails("hang") {
                fs::write(archive, "half")?;
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Ok(fs::write(archive, images.join("\n"))?)
        }
        ["load", "--input", archive] => {
            let images = fs::read_to_string(archive)?;
            images.lines().try_for_each(|image| world.add_image(image))
        }
        _ => Err(format!("docker: unknown command {arguments:?}").into()),
    }
}

/// Starts or stops nodes; a cluster runs as long as any of its nodes does.
async fn turn(world: &World, names: &[&str], running: bool) -> Outcome {
    for name in names {
        let node = Container {
            running,
            ..world.get(name)?
        };
        world.put(&node)?;
        let podling = world.podling(&node.cluster, None)?;
        if running {
            podling.ensure().await?;
        } else if world.nodes(&node.cluster)?.iter().all(|it| !it.running) {
            podling.stop().await?;
        }
    }
    Ok(())
}
