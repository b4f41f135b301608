//! What to do about a kind cluster, from what is recorded and what is there. Pure, so that every case stands in a table.

use super::record::Stage;

/// What is there under the cluster's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// No cluster.
    Nothing,
    /// A cluster whose nodes carry bbf's mark.
    Own {
        /// Whether all its nodes run.
        running: bool,
    },
    /// A cluster whose nodes carry another mark.
    Foreign,
    /// A cluster whose nodes carry no mark: someone else's, or one that was interrupted before it got its mark.
    Unmarked,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Make it.
    Make,
    /// Remove what is there, then make it.
    Remake(Why),
    /// Use it.
    Use,
    /// Start its nodes, then use it.
    Start,
    /// Leave it alone, and say so.
    Refuse,
}

/// Why a cluster is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is half made.
    HalfMade,
    /// Nothing is known of it any more.
    Unknown,
    /// It is made of something else than is wanted.
    MadeOtherwise,
}

/// What to do. `recorded` is how far the cluster came as far as bbf knows; `as_wanted` whether it is made of what is wanted.
pub(super) fn decide(recorded: Option<Stage>, there: There, as_wanted: bool) -> Plan {
    match (recorded, there) {
        (_, There::Nothing) => Plan::Make,
        (_, There::Foreign) | (None | Some(Stage::Made), There::Unmarked) => Plan::Refuse,
        (Some(Stage::Begun), There::Own { .. } | There::Unmarked) => Plan::Remake(Why::HalfMade),
        (None, There::Own { .. }) => Plan::Remake(Why::Unknown),
        (Some(Stage::Made), There::Own { .. }) if !as_wanted => Plan::Remake(Why::MadeOtherwise),
        (Some(Stage::Made), There::Own { running: true }) => Plan::Use,
        (Some(Stage::Made), There::Own { running: false }) => Plan::Start,
    }
}

/// Whether bbf may stop or delete what is there.
pub(super) fn is_ours(recorded: Option<Stage>, there: There) -> bool {
    match there {
        There::Own { .. } => true,
        There::Unmarked => recorded == Some(Stage::Begun),
        There::Foreign | There::Nothing => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: There = There::Own { running: true };
    const STOPPED: There = There::Own { running: false };
    const BEGUN: Option<Stage> = Some(Stage::Begun);
    const MADE: Option<Stage> = Some(Stage::Made);

    #[test]
    fn every_case_has_its_plan() {
        for (recorded, there, as_wanted, plan, ours) in [
            (None, There::Nothing, true, Plan::Make, false),
            (None, OWN, true, Plan::Remake(Why::Unknown), true),
            (None, STOPPED, true, Plan::Remake(Why::Unknown), true),
            (None, There::Foreign, true, Plan::Refuse, false),
            (None, There::Unmarked, true, Plan::Refuse, false),
            (BEGUN, There::Nothing, true, Plan::Make, false),
            (BEGUN, OWN, true, Plan::Remake(Why::HalfMade), true),
            (BEGUN, There::Unmarked, true, Plan::Remake(Why::HalfMade), true),
            (BEGUN, There::Foreign, true, Plan::Refuse, false),
            (MADE, There::Nothing, true, Plan::Make, false),
            (MADE, OWN, true, Plan::Use, true),
            (MADE, STOPPED, true, Plan::Start, true),
            (MADE, OWN, false, Plan::Remake(Why::MadeOtherwise), true),
            (MADE, There::Foreign, true, Plan::Refuse, false),
            (MADE, There::Unmarked, true, Plan::Refuse, false),
        ] {
            assert_eq!(decide(recorded, there, as_wanted), plan, "{recorded:?} {there:?}");
            assert_eq!(is_ours(recorded, there), ours, "{recorded:?} {there:?}");
        }
    }
}
