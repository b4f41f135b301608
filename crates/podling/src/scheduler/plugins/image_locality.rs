//! ImageLocality: prefers nodes that have the pod's images.
//!
//! Source: `pkg/scheduler/framework/plugins/imagelocality`, v1.36.

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::MAX_SCORE;
use crate::storage::text;

const MIB: i64 = 1024 * 1024;
/// Less than this in all is not worth a preference.
const LEAST: i64 = 23 * MIB;
/// More than this for each container makes no difference.
const MOST: i64 = 1000 * MIB;

/// One score for each of the feasible nodes.
pub(crate) fn score(pod: &PodInfo, feasible: &[&NodeInfo], all: &[&NodeInfo]) -> Vec<i64> {
    let images = images(pod);
    let shares: Vec<f64> = images.iter().map(|image| share(image, all)).collect();
    let most = MOST * i64::try_from(containers(pod).count()).unwrap_or(1).max(1);
    let of = |node: &&NodeInfo| {
        let sizes = images.iter().map(|image| node.images.get(image).copied());
        let scaled = sizes
            .zip(&shares)
            .map(|(size, share)| (size.unwrap_or_default() as f64 * share) as i64);
        // A node says of its images what it likes.
        let saved = scaled.fold(0, i64::saturating_add);
        MAX_SCORE * (saved.clamp(LEAST, most) - LEAST) / (most - LEAST)
    };
    feasible.iter().map(of).collect()
}

/// The share of the nodes that have the image: what is on few nodes counts for less, so that they are not all chosen for it.
fn share(image: &str, all: &[&NodeInfo]) -> f64 {
    let having = all.iter().filter(|node| node.images.contains_key(image)).count();
    having as f64 / all.len() as f64
}

fn containers(pod: &PodInfo) -> impl Iterator<Item = &serde_json::Value> {
    let of = |key: &str| pod.spec()[key].as_array().into_iter().flatten();
    of("initContainers").chain(of("containers"))
}

/// The images of the containers and of the volumes.
fn images(pod: &PodInfo) -> Vec<String> {
    let volumes = pod.spec()["volumes"].as_array().into_iter().flatten();
    let mounted = volumes.filter_map(|volume| volume["image"]["reference"].as_str());
    let run = containers(pod).map(|container| text(container, &["image"]));
    run.chain(mounted).map(with_tag).collect()
}

/// The image with the tag that it has when it is given none. Its registry is not spelt out, so `nginx` is not found on a
/// node that says `docker.io/library/nginx:latest`.
fn with_tag(image: &str) -> String {
    match image.rfind(':') <= image.rfind('/') {
        true => format!("{image}:latest"),
        false => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn node(name: &str, image: &str, mib: i64) -> NodeInfo {
        NodeInfo::new(Arc::new(
            json!({"metadata": {"name": name}, "status": {"images": [
            {"names": [image], "sizeBytes": mib * MIB}]}}),
        ))
    }

    #[test]
    fn large_images_that_are_there_draw_pods() {
        let (n1, n2) = (
            node("n1", "e.com/big:1", 1000),
            node("n2", "e.com/small:latest", 20),
        );
        let nodes = [&n1, &n2];
        let scores =
            |spec: serde_json::Value| score(&PodInfo::new(Arc::new(json!({"spec": spec}))), &nodes, &nodes);
        // On half of the nodes 1,000 MiB are worth 500: (500 − 23) ÷ (1,000 − 23).
        assert_eq!(scores(json!({"containers": [{"image": "e.com/big:1"}]})), [48, 0]);
        // Two containers: (500 − 23) ÷ (2,000 − 23).
        let two =
            json!({"containers": [{"image": "e.com/big:1"}], "initContainers": [{"image": "e.com/small"}]});
        assert_eq!(scores(two), [24, 0]);
        let volume =
            json!({"containers": [{"image": "x"}], "volumes": [{"image": {"reference": "e.com/big:1"}}]});
        assert_eq!(scores(volume), [48, 0]);
    }

    #[test]
    fn an_image_without_a_tag_has_one() {
        let cases = [
            ("nginx", "nginx:latest"),
            ("e.com:5000/nginx", "e.com:5000/nginx:latest"),
            ("nginx:1", "nginx:1"),
            ("nginx@sha256:12", "nginx@sha256:12"),
        ];
        for (image, expected) in cases {
            assert_eq!(with_tag(image), expected);
        }
    }
}
