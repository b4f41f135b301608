//! How each condition is judged: a pure function of what is seen.

mod cel;
mod field;
mod kept;
mod network;
mod pods;
mod probe;
mod rollout;
mod status;

pub(crate) use cel::{NAMESPACE as CEL_NAMESPACE, answer, compile as compile_cel};
pub(crate) use pods::notice_time;

use super::view::Demand;
use super::{Baseline, Condition, Message, View};

/// What was found about a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub outcome: Outcome,
    /// What was observed.
    pub message: Message,
    /// What must stay the same while it holds; empty where nothing must.
    pub anchor: String,
}

/// How a condition stands at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is so.
    Holds,
    /// It isn't, but the cluster is on its way there.
    Coming,
    /// It isn't, and nothing suggests that it will be by itself.
    Fails,
    /// It can't be seen.
    Unseen,
}

impl Finding {
    fn new(outcome: Outcome, message: Message) -> Self {
        Self {
            outcome,
            message,
            anchor: String::new(),
        }
    }

    fn holds(message: Message) -> Self {
        Self::new(Outcome::Holds, message)
    }

    fn fails(message: Message) -> Self {
        Self::new(Outcome::Fails, message)
    }

    fn coming(message: Message) -> Self {
        Self::new(Outcome::Coming, message)
    }

    fn unseen(message: Message) -> Self {
        Self::new(Outcome::Unseen, message)
    }

    /// Holds or fails, with the same observation.
    fn of(holds: bool, message: Message) -> Self {
        if holds {
            Self::holds(message)
        } else {
            Self::fails(message)
        }
    }
}

/// Where a condition is judged: what is seen now, and what was there before the break.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What is seen.
    pub view: &'a View,
    /// What was there before.
    pub baseline: &'a Baseline,
}

impl Scene<'_> {
    /// Judges a condition.
    pub fn find(&self, condition: &Condition) -> Finding {
        self.look(condition).unwrap_or_else(Finding::unseen)
    }

    fn look(&self, condition: &Condition) -> Result<Finding, Message> {
        let view = self.view;
        match condition {
            Condition::All(parts) => Ok(all(parts.iter().map(|part| self.find(part)))),
            Condition::Any(parts) => Ok(any(parts.iter().map(|part| self.find(part)))),
            Condition::Not(part) => Ok(not(self.find(part))),
            Condition::Exists(it) => status::exists(view, it),
            Condition::RolloutComplete(it) => rollout::complete(view, it),
            Condition::PodsReady(it) => pods::ready(view, it),
            Condition::NoRestarts(it) => pods::no_restarts(view, it),
            Condition::ContainerState(it) => pods::container_state(view, it),
            Condition::Endpoints(it) => network::endpoints(view, it),
            Condition::Http(it) => network::http(view, it),
            Condition::LogContains(it) => status::log_contains(view, it),
            Condition::EventSeen(it) => status::event_seen(view, it),
            Condition::StatusCondition(it) => status::condition(view, it),
            Condition::Phase(it) => status::phase(view, it),
            Condition::Probe(it) => probe::probed(view, it),
            Condition::ProbePort(it) => probe::port(view, it),
            Condition::Field(it) => field::compare(view, it),
            Condition::ReplicasKept(it) => kept::replicas(view, self.baseline, it),
            Condition::ImageKept(it) => kept::images(view, self.baseline, it),
            Condition::NothingElseChanged(it) => kept::nothing_else(view, self.baseline, it),
            Condition::Cel(it) => cel::holds(view, it),
        }
    }

    /// What has to be asked for to judge a condition: nothing, unless it is about HTTP or a log.
    pub fn demands(&self, condition: &Condition) -> Vec<Demand> {
        let mut demands = vec![];
        condition.walk(&mut |part| match part {
            Condition::Http(it) => demands.extend(network::demands(self.view, it)),
            Condition::LogContains(it) => demands.extend(status::log_demands(self.view, it)),
            _ => {}
        });
        demands
    }
}

/// The worst part decides: a failure outweighs what can't be seen, and that outweighs what is still coming.
fn all(parts: impl Iterator<Item = Finding>) -> Finding {
    let parts: Vec<Finding> = parts.collect();
    let anchor: Vec<&str> = parts.iter().map(|part| part.anchor.as_str()).collect();
    let anchor = anchor.join("\n");
    for outcome in [Outcome::Fails, Outcome::Unseen, Outcome::Coming] {
        if let Some(part) = parts.iter().find(|part| part.outcome == outcome) {
            return part.clone();
        }
    }
    let message = parts
        .into_iter()
        .last()
        .map_or(Message::AllHold, |part| part.message);
    Finding {
        outcome: Outcome::Holds,
        message,
        anchor,
    }
}

/// The best part decides.
fn any(parts: impl Iterator<Item = Finding>) -> Finding {
    let parts: Vec<Finding> = parts.collect();
    let order = [Outcome::Holds, Outcome::Coming, Outcome::Unseen, Outcome::Fails];
    let best = order
        .iter()
        .find_map(|outcome| parts.iter().find(|part| part.outcome == *outcome));
    best.cloned().unwrap_or_else(|| Finding::fails(Message::AllHold))
}

fn not(part: Finding) -> Finding {
    match part.outcome {
        Outcome::Holds => Finding::fails(Message::MustNot {
            observed: Box::new(part.message),
        }),
        Outcome::Unseen => part,
        Outcome::Fails | Outcome::Coming => Finding::holds(part.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Coming, Fails, Holds, Unseen};

    fn found(outcomes: &[Outcome]) -> impl Iterator<Item = Finding> {
        outcomes
            .iter()
            .map(|outcome| Finding::new(*outcome, Message::AllHold))
    }

    #[test]
    fn the_worst_of_all_and_the_best_of_any_decide() {
        for (outcomes, worst, best) in [
            (vec![Holds, Holds], Holds, Holds),
            (vec![Holds, Coming], Coming, Holds),
            (vec![Coming, Unseen], Unseen, Coming),
            (vec![Unseen, Fails], Fails, Unseen),
            (vec![], Holds, Fails),
        ] {
            assert_eq!(all(found(&outcomes)).outcome, worst, "all of {outcomes:?}");
            assert_eq!(any(found(&outcomes)).outcome, best, "any of {outcomes:?}");
        }
    }

    #[test]
    fn not_turns_it_round_but_cant_see_more() {
        for (outcome, turned) in [(Holds, Fails), (Fails, Holds), (Coming, Holds), (Unseen, Unseen)] {
            assert_eq!(not(Finding::new(outcome, Message::AllHold)).outcome, turned);
        }
    }
}
