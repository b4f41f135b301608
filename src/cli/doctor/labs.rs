//! For each lab, on which clusters it can run on this machine.

use super::kind::gibibytes;
use crate::cli::trouble::explain_failure;
use crate::cluster::kind::{Hindrance, Machine};
use crate::cluster::{existing, kind_config};
use crate::lab::{Lab, LabError, Language};
use crate::ui::messages::{clusters, doctor as say};
use crate::ui::table;
use serde::Serialize;

/// Where a lab can run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabFinding {
    lab: String,
    embedded: bool,
    /// Why it can't run on kind; empty where it can.
    kind: Vec<String>,
    /// Whether one namespace of another cluster is enough for it.
    existing: bool,
}

/// Looks at each lab. `embedded` says whether the embedded cluster runs; `taken` whether a port is in use.
pub(super) fn findings(
    language: Language,
    labs: &[Lab],
    machine: &Machine,
    embedded: bool,
    taken: impl Fn(u16) -> bool,
) -> Result<Vec<LabFinding>, LabError> {
    let find = |lab: &Lab| {
        let extras = kind_config::extras(&lab.kind_config_file(), &lab.kind_config)?;
        let hindrances = machine.hindrances(&extras, &taken);
        Ok(LabFinding {
            lab: lab.id().to_owned(),
            embedded,
            kind: hindrances.iter().map(|it| hindrance(language, it)).collect(),
            existing: existing::needs(lab)?.is_empty(),
        })
    };
    labs.iter().map(find).collect()
}

/// The findings as a table.
pub(super) fn lines(language: Language, findings: &[LabFinding]) -> Vec<String> {
    let word = |yes: bool| {
        if yes {
            say::yes(language)
        } else {
            say::no(language)
        }
    };
    let row = |it: &LabFinding| {
        let kind = match it.kind.first() {
            None => say::yes(language),
            Some(why) => clusters::here_no(language, why),
        };
        vec![it.lab.clone(), word(it.embedded), word(it.existing), kind]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    table::layout(
        &[&say::heading_lab(language), "embedded", "existing", "kind"],
        &rows,
    )
}

fn hindrance(language: Language, hindrance: &Hindrance) -> String {
    match hindrance {
        Hindrance::Failure(failure) => {
            let what = explain_failure(failure, language).what;
            what.trim_end_matches(['.', '。']).to_owned()
        }
        Hindrance::Architecture(architecture) => say::no_image_for(language, architecture),
        Hindrance::Memory { needed, there } => {
            say::memory_low(language, &gibibytes(*there), &gibibytes(*needed))
        }
        Hindrance::Port(port) => say::port_in_use(language, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::kind::Failure;
    use crate::lab::Catalogue;

    #[test]
    fn each_lab_is_told_where_it_can_run() {
        let machine = Machine {
            runtime: Err(Failure::NoRuntime),
            kind: Ok("v0.33.0".to_owned()),
            inotify: None,
        };
        let catalogue = Catalogue::builtin();
        let findings = findings(Language::En, catalogue.labs(), &machine, true, |_| false).unwrap();
        assert_eq!(findings.len(), catalogue.labs().len());
        let lines = lines(Language::En, &findings);
        let lab = lines
            .iter()
            .find(|line| line.starts_with("ch07-readiness"))
            .unwrap();
        assert!(
            lab.contains("yes") && lab.contains("no: kind needs docker"),
            "{lab}"
        );
    }
}
