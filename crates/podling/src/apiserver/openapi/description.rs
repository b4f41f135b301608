//! What types and fields are for, in a sentence each: `data/descriptions.txt`, our own words, for `kubectl explain`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::schema::Type;

const DATA: &str = include_str!("../../../data/descriptions.txt");

/// The description of a type, or of its field; most types have none.
pub(super) fn of(of: &Type, field: Option<&str>) -> Option<&'static str> {
    let name = match field {
        None => of.name().to_owned(),
        Some(field) => format!("{}.{field}", of.name()),
    };
    let own = format!("{}/{name}", package(of));
    let descriptions = descriptions();
    descriptions
        .get(own.as_str())
        .or_else(|| descriptions.get(name.as_str()))
        .copied()
}

/// `io.k8s.api.autoscaling.v2.MetricSpec` is of `autoscaling.v2`.
fn package(of: &Type) -> &'static str {
    let package = of.definition.rsplit_once('.').map_or("", |(package, _)| package);
    let mut dots = package.rmatch_indices('.').map(|(at, _)| at);
    dots.nth(1).map_or(package, |at| &package[at + 1..])
}

fn descriptions() -> &'static BTreeMap<&'static str, &'static str> {
    static DESCRIPTIONS: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    DESCRIPTIONS.get_or_init(|| {
        let lines = DATA.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_line_is_about_something_that_exists() {
        let lines = DATA.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(descriptions().len(), lines.count(), "a line is there twice");
        for name in descriptions().keys() {
            let (wanted, name) = name.split_once('/').unwrap_or(("", name));
            let (name, field) = name.split_once('.').unwrap_or((name, ""));
            let fits = |of: &&Type| {
                let packaged = wanted.is_empty() || package(of) == wanted;
                packaged && of.name() == name && (field.is_empty() || of.field(field).is_some())
            };
            assert!(schema::all().find(fits).is_some(), "{wanted}/{name}.{field}");
        }
    }

    #[test]
    fn a_description_is_found_by_package_or_without() {
        let probe = schema::of_kind("autoscaling", "v2", "HorizontalPodAutoscaler").unwrap();
        assert!(of(probe, None).is_some_and(|text| text.starts_with("Changes the number")));
        let pod = schema::of_kind("", "v1", "Pod").unwrap();
        assert_eq!(of(pod, Some("spec")), Some("What is to run."));
        assert_eq!(of(pod, Some("kind")), None);
    }
}
