//! Holding a timeline against a recorded one, as far apart as a real cluster is from itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compare::Comparer;
use crate::pairing::{Fit, pair};
use crate::timeline::{Event, Sample};

/// The least that times may differ by, in seconds.
const SECONDS: f64 = 1.5;

/// How often a kubelet looks at its node, beginning at any moment.
const NODE_LOOP: f64 = 10.4;

/// The share of the time that they may.
const SHARE: f64 = 0.1;

/// A back-off of B seconds takes between B and 1.5 B.
const BACK_OFF: f64 = 0.5;

/// What is a probe's period, and not a container's pause.
const LONGEST_PERIOD: f64 = 10.5;

/// How long a word may last that a second recording may miss.
const SHORT: f64 = 1.5;

/// What stands before a change is looked at so much before it, in seconds.
const WHILE: f64 = 1.0;

/// One replay or recording.
#[derive(Default)]
pub(crate) struct Course {
    pub(crate) samples: Vec<Sample>,
    pub(crate) events: Vec<Event>,
}

impl Course {
    /// The samples and events of a recording.
    pub(crate) fn recorded(value: &Value) -> Self {
        let items = |key: &str| value[key].as_array().into_iter().flatten();
        Self {
            samples: items("samples").map(Sample::of).collect(),
            events: items("events").map(Event::of).collect(),
        }
    }

    /// What is said of one pod.
    fn events_of(&self, pod: &str) -> Self {
        let is_of = |event: &&Event| event.object.strip_prefix("Pod/") == Some(pod);
        Self {
            samples: Vec::new(),
            events: self.events.iter().filter(is_of).cloned().collect(),
        }
    }
}

/// The first difference of a replay of so many seconds from a recording; `None` if there is none.
/// What only one of the recordings has need not be there.
pub(crate) fn difference(
    comparer: &mut Comparer,
    seconds: f64,
    recorded: &Course,
    again: Option<&Course>,
    own: &Course,
) -> Option<String> {
    let names = match pods(comparer, seconds, (recorded, again), own) {
        Ok(names) => names,
        Err(why) => return Some(why),
    };
    events_differ(comparer, &names, (recorded, again), own, seconds)
}

fn by_name(samples: &[Sample]) -> Vec<(&str, Vec<&Sample>)> {
    let mut pods: Vec<(&str, Vec<&Sample>)> = Vec::new();
    for sample in samples {
        match pods.iter_mut().find(|(name, _)| *name == sample.name) {
            Some((_, rows)) => rows.push(sample),
            None => pods.push((&sample.name, vec![sample])),
        }
    }
    pods
}

/// Which of our pods stands for which recorded one, by recorded name.
fn pods(
    comparer: &mut Comparer,
    seconds: f64,
    (recorded, again): (&Course, Option<&Course>),
    own: &Course,
) -> Result<BTreeMap<String, String>, String> {
    let (theirs, ours) = (by_name(&recorded.samples), by_name(&own.samples));
    let pairing = pair(theirs.len(), ours.len(), |at, other| {
        let ((name, rows), (own_name, own_rows)) = (&theirs[at], &ours[other]);
        if !comparer.text(unnumbered(name), own_name) {
            return Fit::Foreign;
        }
        let differs = rows_differ(rows, own_rows, seconds).or_else(|| {
            let (recorded, own) = (recorded.events_of(name), own.events_of(own_name));
            let names = BTreeMap::from([((*name).to_owned(), (*own_name).to_owned())]);
            events_differ(comparer, &names, (&recorded, again), &own, seconds)
        });
        differs.map_or(Fit::Fits, Fit::Differs)
    });
    let is_late = |rows: &[&Sample]| rows[0].t >= seconds - tolerance(seconds);
    for (at, why) in pairing.missing {
        let (name, rows) = &theirs[at];
        match why {
            // One that appeared in the last moments may do so after the end.
            None if is_late(rows) => {}
            None => return Err(format!("pod {name}: is not there")),
            Some(why) => return Err(format!("pod {name}: {why}")),
        }
    }
    for left in pairing.left {
        let (name, rows) = &ours[left];
        if !is_late(rows) {
            return Err(format!("pod {name}: {}, recorded no such pod", course(rows)));
        }
    }
    let name = |(at, other): (usize, usize)| (theirs[at].0.to_owned(), ours[other].0.to_owned());
    Ok(pairing.pairs.into_iter().map(name).collect())
}

/// What a time may differ by, in seconds.
fn tolerance(t: f64) -> f64 {
    SECONDS.max(SHARE * t)
}

fn rows_differ(recorded: &[&Sample], own: &[&Sample], seconds: f64) -> Option<String> {
    // Back-offs push what comes after them, in the end over the end.
    let end = seconds - tolerance(seconds).max(BACK_OFF * longest_gap(recorded, seconds));
    let (mut at, mut own_at) = (0, 0);
    let (mut last, mut own_last) = (0.0, 0.0);
    loop {
        match (recorded.get(at), own.get(own_at)) {
            (None, None) => return None,
            (Some(sample), Some(other))
                if sample.shows(other) && times_agree(sample, last, other, own_last) =>
            {
                (last, own_last) = (sample.t, other.t);
                at += 1;
                own_at += 1;
            }
            (Some(_), _) if is_short(recorded, at) => at += 1,
            (_, Some(_)) if is_short(own, own_at) => own_at += 1,
            (Some(sample), None) if sample.t > end => return None,
            (None, Some(other)) if other.t > end => return None,
            _ => return Some(format!("{}, recorded {}", course(own), course(recorded))),
        }
    }
}

/// The longest time that a pod showed the same until `t`; what it shows then counts if it waits.
fn longest_gap(rows: &[&Sample], t: f64) -> f64 {
    let last = rows
        .last()
        .filter(|row| backs_off(row) && row.status != "Running");
    let gaps = rows.windows(2).map(|pair| pair[1].t - pair[0].t);
    gaps.chain(last.map(|row| t - row.t)).fold(0.0, f64::max)
}

/// By how many seconds a look at the cluster may have been earlier or later: where pods waited for their back-offs, by
/// as much as these vary.
pub(crate) fn reach(recorded: &Course, at: f64) -> f64 {
    let before: Vec<Sample> = recorded
        .samples
        .iter()
        .filter(|sample| sample.t < at)
        .cloned()
        .collect();
    let waits = |rows: &Vec<&Sample>| rows.iter().any(|row| backs_off(row));
    let pods = by_name(&before).into_iter().map(|(_, rows)| rows).filter(waits);
    pods.map(|rows| BACK_OFF * longest_gap(&rows, at))
        .fold(tolerance(at), f64::max)
}

/// What pods show at a moment, without their names.
pub(crate) fn shown(samples: &[Sample], t: f64) -> Vec<(&str, &str, u64)> {
    let mut last: BTreeMap<&str, &Sample> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.t <= t) {
        last.insert(&sample.name, sample);
    }
    let rows = last.into_values().filter(|sample| !sample.deleted);
    let mut rows: Vec<_> = rows
        .map(|row| (row.ready.as_str(), row.status.as_str(), row.restarts))
        .collect();
    rows.sort_unstable();
    rows
}

/// A moment from `from` to `to`, as late as may be, at which our pods show what the recorded ones do at `t`; if they do so
/// long enough, a while before they no longer do, for more looks may follow.
pub(crate) fn last_shown(recorded: &Course, t: f64, own: &[Sample], from: f64, to: f64) -> Option<f64> {
    let wanted = shown(&recorded.samples, t);
    let begins = own.iter().map(|sample| sample.t);
    let ends = begins.clone().skip(1).map(|end| end - WHILE).chain([to]);
    let moments = begins.zip(ends).map(|(begin, end)| end.max(begin));
    moments
        .filter(|moment| (from..=to).contains(moment) && shown(own, *moment) == wanted)
        .max_by(f64::total_cmp)
}

fn times_agree(sample: &Sample, last: f64, other: &Sample, own_last: f64) -> bool {
    let apart = (sample.t - other.t).abs();
    let (gap, own_gap) = (sample.t - last, other.t - own_last);
    let gaps_apart = (gap - own_gap).abs();
    let shorter = gap.min(own_gap);
    apart <= tolerance(sample.t)
        || gaps_apart <= tolerance(gap)
        || (backs_off(sample) && gaps_apart <= (BACK_OFF * shorter).max(SECONDS))
}

/// Whether a row comes of something that is tried again after a pause.
fn backs_off(sample: &Sample) -> bool {
    sample.restarts > 0 || sample.status.contains("ImagePull")
}

/// A word that gave way to another within a moment.
fn is_short(rows: &[&Sample], at: usize) -> bool {
    let is_fleeting = matches!(
        rows[at].status.as_str(),
        "Running" | "CrashLoopBackOff" | "Pending" | "ErrImagePull" | "Error" | "Completed" | "Terminating"
    );
    let next = rows.get(at + 1);
    is_fleeting && next.is_some_and(|next| next.t - rows[at].t <= SHORT)
}

/// Ready, status and restarts of the rows that gave way to others within a moment, or that one recording has and another
/// has not.
pub(crate) fn fleeting(recordings: &[Course]) -> Vec<[String; 3]> {
    let has = |course: &Course, wanted: &[String; 3]| course.samples.iter().any(|row| cells(row) == *wanted);
    let mut fleeting = Vec::new();
    for course in recordings {
        for (_, rows) in by_name(&course.samples) {
            for (at, row) in rows.iter().enumerate() {
                let cells = cells(row);
                if is_short(&rows, at) || recordings.iter().any(|other| !has(other, &cells)) {
                    fleeting.push(cells);
                }
            }
        }
    }
    fleeting
}

/// Ready, status and restarts of the last rows of pods that were gone within a moment.
pub(crate) fn leaving(recordings: &[Course]) -> Vec<[String; 3]> {
    let mut leaving = Vec::new();
    for course in recordings {
        for (_, rows) in by_name(&course.samples) {
            let is_last = |pair: &&[&Sample]| pair[1].deleted && pair[1].t - pair[0].t <= SHORT;
            leaving.extend(rows.windows(2).filter(is_last).map(|pair| cells(pair[0])));
        }
    }
    leaving
}

fn cells(row: &Sample) -> [String; 3] {
    [row.ready.clone(), row.status.clone(), row.restarts.to_string()]
}

fn course(rows: &[&Sample]) -> String {
    let row = |sample: &&Sample| {
        let deleted = if sample.deleted { " deleted" } else { "" };
        format!(
            "{:.1} {} {} {}{deleted}",
            sample.t, sample.ready, sample.status, sample.restarts
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("[{}]", rows.join("; "))
}

/// A name without the number that tells it from others of the same form.
fn unnumbered(name: &str) -> &str {
    name.split_once('#').map_or(name, |(name, _)| name)
}

/// The first writing of each event, by object and reporter.
type Firsts<'a> = BTreeMap<(String, &'a str), Vec<&'a Event>>;

fn firsts<'a>(events: &'a [Event], object: impl Fn(&'a Event) -> String) -> Firsts<'a> {
    let mut firsts = Firsts::new();
    for event in events {
        let of = firsts.entry((object(event), event.from.as_str())).or_default();
        let is_same = |other: &&Event| {
            (&other.kind, &other.reason, &other.message) == (&event.kind, &event.reason, &event.message)
        };
        if !of.iter().any(is_same) {
            of.push(event);
        }
    }
    firsts
}

fn events_differ(
    comparer: &mut Comparer,
    names: &BTreeMap<String, String>,
    (recorded, again): (&Course, Option<&Course>),
    own: &Course,
    seconds: f64,
) -> Option<String> {
    let own_name = |event: &Event| match event.object.strip_prefix("Pod/") {
        Some(pod) => format!("Pod/{}", names.get(pod).map_or(unnumbered(pod), String::as_str)),
        None => unnumbered(&event.object).to_owned(),
    };
    let known: BTreeSet<(&str, &str)> = again
        .into_iter()
        .flat_map(|again| &again.events)
        .map(|event| (event.reason.as_str(), event.message.as_str()))
        .collect();
    let written = &recorded.events;
    let mut left = firsts(&own.events, |event| event.object.clone());
    for ((object, from), recorded) in firsts(&recorded.events, own_name) {
        let mut found: Vec<&Event> = Vec::new();
        left.retain(|(own, own_from), events| {
            let same = *own_from == from && comparer.text(&object, own);
            if same {
                found.append(events);
            }
            !same
        });
        found.sort_by(|a, b| a.t.total_cmp(&b.t));
        // What a kubelet's next look at its node brings may come after the end here.
        let is_optional = |event: &Event| {
            !known.is_empty() && !known.contains(&(event.reason.as_str(), event.message.as_str()))
                || event.object.starts_with("Node/") && event.t > seconds - NODE_LOOP
        };
        if let Some(why) = order_differs(comparer, &recorded, &found, is_optional, |event| {
            period(written, event)
        }) {
            return Some(format!("events of {object}: {why}"));
        }
    }
    // Pods that are not compared, for they came in the last moments, have events too.
    left.retain(|(object, _), _| {
        object
            .strip_prefix("Pod/")
            .is_none_or(|pod| names.values().any(|own| own == pod))
    });
    let ((object, _), events) = left.pop_first()?;
    Some(format!(
        "events of {object}: {}, recorded none",
        events.first().map(|event| said(event)).unwrap_or_default()
    ))
}

/// The longest pause of a recorded probe, up to [`LONGEST_PERIOD`]: its first run comes with the container's start or a
/// period later, which is a race in the kubelet (`node/probe/tcp-refused` has both).
fn period(recorded: &[Event], event: &Event) -> f64 {
    let is_same = |other: &&Event| (&other.object, &other.message) == (&event.object, &event.message);
    let times: Vec<f64> = recorded.iter().filter(is_same).map(|other| other.t).collect();
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    pauses
        .filter(|pause| *pause <= LONGEST_PERIOD)
        .fold(0.0, f64::max)
}

fn order_differs(
    comparer: &mut Comparer,
    recorded: &[&Event],
    own: &[&Event],
    is_optional: impl Fn(&Event) -> bool,
    period: impl Fn(&Event) -> f64,
) -> Option<String> {
    let mut left: Vec<&Event> = own.to_vec();
    for event in recorded {
        let found = left.iter().position(|own| {
            own.kind == event.kind
                && own.reason == event.reason
                && comparer.text(&event.message, &own.message)
        });
        let Some(at) = found else {
            if is_optional(event) {
                continue;
            }
            return Some(format!("no {}", said(event)));
        };
        let found = left.remove(at);
        let mut allowed = tolerance(event.t).max(BACK_OFF * event.t.min(found.t));
        if event.object.starts_with("Node/") {
            allowed = allowed.max(NODE_LOOP);
        }
        if event.reason == "Unhealthy" {
            allowed += period(event);
        }
        if (found.t - event.t).abs() > allowed {
            return Some(format!("{}, recorded at {:.1}", said(found), event.t));
        }
        // What ran ahead of this by more than its share was not in order.
        if at > 0 && left[0].t + SECONDS < found.t && !is_repeated(comparer, recorded, left[0]) {
            return Some(format!("{} before {}", said(left[0]), said(found)));
        }
    }
    // What a kubelet's next look at its node brings may come after the end of the recording.
    let comes_later = |own: &Event| {
        let last = recorded.last().map_or(0.0, |event| event.t);
        own.object.starts_with("Node/") && own.t > last
    };
    left.retain(|own| !is_repeated(comparer, recorded, own) && !comes_later(own));
    left.first().map(|own| format!("{}, recorded none", said(own)))
}

/// Whether an event differs from a recorded one only in what stands for volatile words.
fn is_repeated(comparer: &mut Comparer, recorded: &[&Event], own: &Event) -> bool {
    recorded
        .iter()
        .any(|event| event.reason == own.reason && comparer.text(&event.message, &own.message))
}

fn said(event: &Event) -> String {
    format!(
        "{} {} {:?} at {:.1}",
        event.kind, event.reason, event.message, event.t
    )
}
