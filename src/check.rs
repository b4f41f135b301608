//! What a learner's cluster is held against: conditions, guards, verdicts.
//!
//! A [`Checker`] watches the cluster through a `kube::Client` and nothing else, and never changes it. What it sees is a
//! [`View`]; how each objective and guard stands is a pure function of the view, the [`Baseline`] taken before the break,
//! and the time for which things have held.

mod asking;
mod baseline;
mod checker;
mod clock;
mod condition;
mod evaluate;
mod message;
mod object;
mod verdict;
mod view;
mod window;

pub use baseline::{Baseline, BaselineError, Scope};
pub use checker::Checker;
pub use clock::Clock;
pub use condition::{
    Cel, Comparison, Condition, ContainerState, Endpoints, EventSeen, Exists, Field, Http, ImageKept, Kept,
    LogContains, NoRestarts, NothingElseChanged, Phase, PodsReady, Probe, ProbeKind, ProbePort,
    RolloutComplete, StatusCondition,
};
pub(crate) use evaluate::{CEL_NAMESPACE, compile_cel, notice_time};
pub use evaluate::{Finding, Outcome, Scene};
pub use message::{Message, ProbeFlaw};
pub(crate) use object::containers;
pub use verdict::{Overall, Report, Role, Verdict};
pub use view::{Answer, Demand, View};
