//! The container images that a lab uses, so that they can be fetched before a class begins.

use super::{Lab, LabNeed, Means};
use std::collections::BTreeSet;

impl Lab {
    /// The images in the lab's manifests and in its solutions, each once.
    pub fn images(&self) -> BTreeSet<String> {
        let manifests = self.manifests.iter().map(|file| file.text.as_str());
        let solutions = self.solutions.iter().filter(|fix| fix.means != Means::Script);
        manifests
            .chain(solutions.map(|fix| fix.text.as_str()))
            .flat_map(images_in)
            .collect()
    }

    /// Whether the lab looks at the metrics of Pods and nodes: it says so, or has something to do with an autoscaler.
    pub fn needs_metrics(&self) -> bool {
        self.definition.needs.contains(&LabNeed::Metrics)
            || self.manifests.iter().any(|file| {
                file.text
                    .lines()
                    .any(|line| line.trim() == "kind: HorizontalPodAutoscaler")
            })
    }
}

/// The values of the fields named `image` in a manifest.
fn images_in(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let field = line.trim().trim_start_matches("- ");
        let image = field.strip_prefix("image:")?.trim();
        let image = image
            .split(" #")
            .next()
            .unwrap_or(image)
            .trim()
            .trim_matches(['"', '\'']);
        (!image.is_empty()).then(|| image.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Catalogue;

    #[test]
    fn images_are_found_where_manifests_name_them() {
        let text = "containers:\n- image: a:1\n  name: x\n- name: y\n  image: \"b:2\" # why\n  imagePullPolicy: Always\n";
        assert_eq!(images_in(text).collect::<Vec<_>>(), ["a:1", "b:2"]);
    }

    #[test]
    fn a_lab_uses_the_images_of_its_break_and_of_its_solutions() {
        let lab = Catalogue::builtin().find("ch07-readiness").unwrap().clone();
        let images = lab.images();
        assert!(
            images.contains("blux2/delayfailserver:1.1") && images.contains("blux2/hello-server:2.0"),
            "{images:?}"
        );
        assert!(!lab.needs_metrics());
    }
}
