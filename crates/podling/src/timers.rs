//! Work that is due at a moment: each component's queue of what it has to do next.

use std::collections::BTreeMap;

use crate::clock::Time;

/// Tasks with the moment each is due. A task is queued once: the earlier moment wins, as in client-go's
/// delaying work queue.
#[derive(Clone, Debug)]
pub(crate) struct Timers<T> {
    due: BTreeMap<(Time, u64), T>,
    moment_of: BTreeMap<T, (Time, u64)>,
    queued: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            moment_of: BTreeMap::new(),
            queued: 0,
        }
    }
}

impl<T: Clone + Ord> Timers<T> {
    /// Queues `task` for `time`, unless it is already due earlier.
    pub(crate) fn at(&mut self, time: Time, task: T) {
        if let Some(&(queued, _)) = self.moment_of.get(&task)
            && queued <= time
        {
            return;
        }
        self.replace(time, task);
    }

    /// Queues `task` for `time`, whatever moment it had.
    pub(crate) fn replace(&mut self, time: Time, task: T) {
        self.cancel(&task);
        self.queued += 1;
        let moment = (time, self.queued);
        self.due.insert(moment, task.clone());
        self.moment_of.insert(task, moment);
    }

    /// Takes `task` off the queue.
    pub(crate) fn cancel(&mut self, task: &T) {
        if let Some(moment) = self.moment_of.remove(task) {
            self.due.remove(&moment);
        }
    }

    /// When the next task is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.due.first_key_value().map(|(&(time, _), _)| time)
    }

    /// Takes the first task that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<T> {
        let (&(time, _), _) = self.due.first_key_value()?;
        if time > now {
            return None;
        }
        let (_, task) = self.due.pop_first()?;
        self.moment_of.remove(&task);
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_moment_of_a_task_wins_and_ties_keep_their_order() {
        let mut timers = Timers::default();
        timers.at(Time::from_micros(5), "b");
        timers.at(Time::from_micros(5), "a");
        timers.at(Time::from_micros(9), "b");
        assert_eq!(timers.pop_due(Time::from_micros(4)), None);
        assert_eq!(timers.pop_due(Time::from_micros(5)), Some("b"));
        assert_eq!(timers.pop_due(Time::from_micros(5)), Some("a"));
        assert_eq!(timers.next(), None);
    }
}
