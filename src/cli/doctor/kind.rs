//! What `bbf doctor` finds about kind: nothing of it is needed for labs on the embedded cluster.

use super::{Finding, Level};
use crate::cli::trouble::explain_failure;
use crate::cluster::kind::{Failure, INOTIFY, Machine, OLDEST, RuntimeInfo};
use crate::lab::Language;
use crate::ui::messages::{clusters, doctor as say};

/// What there is for labs on kind.
pub(super) fn findings(language: Language, machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![];
    match &machine.runtime {
        Ok(info) => findings.extend(runtime(language, info)),
        Err(failure) => findings.push(missing("runtime", language, failure)),
    }
    findings.push(match &machine.kind {
        Ok(version) if machine.kind_is_too_old() => {
            let oldest = format!("v{}.{}", OLDEST.0, OLDEST.1);
            let text = say::kind_old(language, version, &oldest);
            Finding::new("kind", Level::Note, text, clusters::install_kind(language))
        }
        Ok(version) => Finding::good("kind", say::kind(language, version)),
        Err(failure) => missing("kind", language, failure),
    });
    findings.extend(machine.inotify.map(|limits| inotify(language, limits)));
    findings
}

fn missing(check: &'static str, language: Language, failure: &Failure) -> Finding {
    let complaint = explain_failure(failure, language);
    let fix = complaint.next.into_iter().next().unwrap_or_default();
    Finding::new(check, Level::Note, complaint.what, fix)
}

fn runtime(language: Language, info: &RuntimeInfo) -> Vec<Finding> {
    let RuntimeInfo { runtime, version, .. } = info;
    let memory = info.memory.map_or_else(|| "?".to_owned(), gibibytes);
    let text = say::runtime(language, runtime, version, &info.architecture, &memory);
    let mut findings = vec![Finding::good("runtime", text)];
    if info.cgroups == Some(1) {
        findings.push(Finding::new(
            "cgroups",
            Level::Note,
            say::cgroups_old(language),
            say::cgroups_fix(language),
        ));
    }
    findings
}

fn inotify(language: Language, limits: (u64, u64)) -> Finding {
    let (watches, instances) = limits;
    if watches >= INOTIFY.0 && instances >= INOTIFY.1 {
        Finding::good("inotify", say::inotify(language, &watches, &instances))
    } else {
        let text = say::inotify_low(language, &watches, &instances);
        Finding::new("inotify", Level::Note, text, clusters::raise_inotify(language))
    }
}

/// Bytes in GiB with one decimal: 25276514304 is `23.5 GiB`.
pub(super) fn gibibytes(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_gib() {
        for (bytes, text) in [(25_276_514_304, "23.5 GiB"), (2 << 30, "2.0 GiB"), (0, "0.0 GiB")] {
            assert_eq!(gibibytes(bytes), text);
        }
    }

    #[test]
    fn what_is_missing_for_kind_is_no_reason_not_to_play() {
        let machine = Machine {
            runtime: Err(Failure::NoRuntime),
            kind: Ok("v0.1.0".to_owned()),
            inotify: Some((8192, 128)),
        };
        let findings = findings(Language::En, &machine);
        let checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, ["runtime", "kind", "inotify"]);
        assert!(
            findings
                .iter()
                .all(|finding| finding.level == Level::Note && finding.fix.is_some())
        );
    }
}
