//! Replaying a case: once, and where a look at the cluster differs, with that look a little earlier or later.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::Case;
use crate::jitter::{Course, last_shown, reach, shown};
use crate::kubectl::{self, Kubectl, Program};
use crate::replay::{Replay, Said, Verdict};
use crate::timeline::Sample;

/// How much earlier or later a look is tried where the pods show what they should, as shares of what is allowed.
const SHARES: [f64; 4] = [-0.5, 0.5, -1.0, 1.0];

/// When a step is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// So many seconds after the time at which it was recorded; before it, if that is negative.
    Later(f64),
    /// As soon as the pods show what they did at the recording, and at most so many seconds later.
    Shown(f64),
}

/// When steps are done, by their places; the others at their times.
type Shifts = BTreeMap<usize, When>;

/// How far a replay came, why no further, and what pods had shown until then.
struct Stop {
    step: usize,
    verdict: Verdict,
    samples: Vec<Sample>,
}

/// Replays a case until the first step that does not answer as recorded.
///
/// What a command that only looks has seen hangs on what had just happened, or had not yet; so it may look earlier or
/// later by as much as times may differ. The times of what it sees are compared by the timeline.
pub(crate) fn replay(case: &Case, program: Result<&Program, &'static str>) -> Verdict {
    let mut shifts = Shifts::new();
    let mut stop = match attempt(case, program, &shifts) {
        Ok(()) => return Verdict::Agrees,
        Err(stop) => stop,
    };
    let recorded = case.steps.last().map(Course::recorded).unwrap_or_default();
    while let Some(at) = case.steps.get(stop.step).and_then(may_move) {
        let tried = other_times(&recorded, at, &stop.samples)
            .into_iter()
            .find_map(|when| {
                shifts.insert(stop.step, when);
                match attempt(case, program, &shifts) {
                    Ok(()) => Some(None),
                    Err(next) if next.step > stop.step => Some(Some(next)),
                    Err(_) => None,
                }
            });
        match tried {
            None => return stop.verdict,
            Some(None) => return Verdict::Agrees,
            Some(Some(next)) => stop = next,
        }
    }
    stop.verdict
}

/// When else a look at the cluster may be had that was recorded at `at`: when the pods show the same, or where they do
/// already, a little earlier or later.
fn other_times(recorded: &Course, at: f64, own: &[Sample]) -> Vec<When> {
    let reach = reach(recorded, at);
    if shown(&recorded.samples, at) == shown(own, at) {
        return SHARES.map(|share| When::Later(share * reach)).to_vec();
    }
    let before = last_shown(recorded, at, own, at - reach, at);
    before
        .map(|before| When::Later(before - at))
        .into_iter()
        .chain([When::Shown(reach)])
        .collect()
}

/// The time of a step that changes nothing.
fn may_move(step: &Value) -> Option<f64> {
    let only_looks = match (step["kubectl"]["argv"][0].as_str(), &step["request"]["method"]) {
        (Some(verb), _) => matches!(verb, "get" | "describe" | "logs" | "events"),
        (None, method) => method == "GET",
    };
    let runs_beside = step["kubectl"]["background"] == true;
    step["at"].as_f64().filter(|_| only_looks && !runs_beside)
}

/// Replays a case with a kubectl of another version to its end, and gives what each command said.
///
/// # Errors
/// When the cluster could not be served, or a step could not be replayed.
pub(crate) fn every_command(case: &Case, program: &Program) -> Result<Vec<Said>, String> {
    let mut replay = Replay::new(case);
    replay.every_command = Some(Vec::new());
    let mut kubectl = replay
        .kubectl(program, &case.name)
        .map_err(|error| error.to_string())?;
    steps(&mut replay, Some(&mut kubectl), case, &Shifts::new()).map_err(|stop| stop.verdict.to_string())?;
    Ok(replay.every_command.take().unwrap_or_default())
}

fn attempt(case: &Case, program: Result<&Program, &'static str>, shifts: &Shifts) -> Result<(), Stop> {
    let at_once = |verdict| Stop {
        step: 0,
        verdict,
        samples: Vec::new(),
    };
    let mut replay = Replay::new(case);
    let kubectl = match (case.uses("kubectl") || case.uses("portForward"), program) {
        (false, _) => Ok(None),
        (true, Ok(program)) => replay.kubectl(program, &case.name).map(Some),
        (true, Err(why)) => return Err(at_once(Verdict::Skipped(why))),
    };
    let mut kubectl = kubectl.map_err(|error| {
        let why = format!("the cluster could not be served: {error}");
        at_once(Verdict::Differs(why))
    })?;
    steps(&mut replay, kubectl.as_mut(), case, shifts).map_err(|stop| Stop {
        verdict: match stop.verdict {
            Verdict::Differs(why) if replay.time_passed_beside_kubectl => Verdict::Unsteady(why),
            verdict => verdict,
        },
        samples: replay.samples(),
        ..stop
    })
}

fn steps(
    replay: &mut Replay,
    mut kubectl: Option<&mut Kubectl>,
    case: &Case,
    shifts: &Shifts,
) -> Result<(), Stop> {
    for (at, step) in case.steps.iter().enumerate() {
        let when = shifts.get(&at).copied().unwrap_or(When::Later(0.0));
        replay
            .step(kubectl.as_deref_mut(), step, when)
            .map_err(|verdict| Stop {
                step: at,
                samples: Vec::new(),
                verdict: match verdict {
                    Verdict::Differs(why) => Verdict::Differs(format!("step {at}: {why}")),
                    other => other,
                },
            })?;
    }
    let ends = kubectl.map_or(Ok(()), |kubectl| kubectl::finish(replay, kubectl));
    ends.map_err(|verdict| Stop {
        step: case.steps.len(),
        verdict,
        samples: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_look_is_tried_when_the_pods_show_what_they_should() {
        let course = |changes: &[(f64, &str)]| {
            let sample = |(t, status): &(f64, &str)| json!({"t": t, "name": "p", "ready": "0/1", "status": status, "restarts": 1});
            Course::recorded(&json!({"samples": changes.iter().map(sample).collect::<Vec<_>>()}))
        };
        let recorded = course(&[(0.0, "A"), (40.0, "B")]);
        for (own, times) in [
            (
                vec![(0.0, "A"), (39.0, "B"), (49.0, "C")],
                vec![When::Later(-2.0), When::Shown(20.0)],
            ),
            (vec![(0.0, "A")], vec![When::Shown(20.0)]),
            (
                vec![(0.0, "A"), (42.0, "B")],
                SHARES.map(|share| When::Later(share * 20.0)).to_vec(),
            ),
        ] {
            let found = other_times(&recorded, 50.0, &course(&own).samples);
            let rounded: Vec<When> = found
                .iter()
                .map(|when| match when {
                    When::Later(later) => When::Later((later * 100.0).round() / 100.0),
                    when => *when,
                })
                .collect();
            assert_eq!(rounded, times, "{own:?}");
        }
    }

    #[test]
    fn only_looks_that_were_timed_move() {
        for (step, moves) in [
            (json!({"at": 3.0, "kubectl": {"argv": ["get", "pod"]}}), true),
            (json!({"at": 3.0, "request": {"method": "GET"}}), true),
            (json!({"kubectl": {"argv": ["get", "pod"]}}), false),
            (
                json!({"at": 3.0, "kubectl": {"argv": ["delete", "pod", "p"]}}),
                false,
            ),
            (
                json!({"at": 3.0, "kubectl": {"argv": ["get", "pod"], "background": true}}),
                false,
            ),
            (json!({"at": 3.0, "timeline": {}}), false),
        ] {
            assert_eq!(may_move(&step).is_some(), moves, "{step}");
        }
    }
}
