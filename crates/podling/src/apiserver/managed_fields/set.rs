//! Sets of field paths, and their wire form `FieldsV1`.
//!
//! Source: the Server-Side Apply documentation and `sigs.k8s.io/structured-merge-diff/fieldpath`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::apiserver::place::{Form, Place};

/// One step of a path, ordered as Kubernetes orders them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Step {
    /// A field or map key (`f:`).
    Field(String),
    /// A list entry by its keys (`k:`): a JSON object with ordered keys, as text.
    Key(String),
    /// A list entry by its value (`v:`): JSON, as text.
    Value(String),
    /// A list entry by its position (`i:`).
    Index(usize),
}

/// A set of paths. A path may be a member with or without the paths below it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Set(BTreeMap<Step, Node>);

/// What a set holds at and below one step. Never empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Node {
    member: bool,
    below: Set,
}

/// A path of a set, printed as Kubernetes prints it: `.spec.containers[name="c"].image`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Path(Vec<Step>);

impl Step {
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The step to the list entry that these keys name; they must come ordered.
    pub(super) fn keys<'a>(keys: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        let keys: Map<String, Value> = keys.map(|(key, value)| (key.to_owned(), value.clone())).collect();
        Self::Key(Value::Object(keys).to_string())
    }

    fn to_wire(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    fn from_wire(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once(':')?;
        let canonical = || {
            serde_json::from_str::<Value>(rest)
                .ok()
                .map(|value| value.to_string())
        };
        match prefix {
            "f" => Some(Self::field(rest)),
            "k" => canonical().map(Self::Key),
            "v" => canonical().map(Self::Value),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl Set {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a path; the empty path is the whole object, which nobody owns.
    pub(super) fn insert(&mut self, path: &[Step]) {
        if let Some((step, rest)) = path.split_first() {
            let node = self.0.entry(step.clone()).or_default();
            match rest {
                [] => node.member = true,
                _ => node.below.insert(rest),
            }
        }
    }

    /// Whether the path of this one step is a member.
    pub(super) fn has(&self, step: &Step) -> bool {
        self.0.get(step).is_some_and(|node| node.member)
    }

    /// The paths below a step, if there are any.
    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        self.0
            .get(step)
            .map(|node| &node.below)
            .filter(|below| !below.is_empty())
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (step, node) in &other.0 {
            let mine = all.0.entry(step.clone()).or_default();
            mine.member |= node.member;
            mine.below = mine.below.union(&node.below);
        }
        all
    }

    /// The members that are not members of `other`; paths above and below do not matter.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && !theirs)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && theirs)
    }

    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Node::default();
        let nodes = self.0.iter().map(|(step, mine)| {
            let theirs = other.0.get(step).unwrap_or(&nothing);
            let node = Node {
                member: keep(mine.member, theirs.member),
                below: mine.below.combine(&theirs.below, keep),
            };
            (step.clone(), node)
        });
        Self(nodes.filter(|(_, node)| !node.is_empty()).collect())
    }

    /// Removes a top-level field with all below it.
    pub(super) fn remove_field(&mut self, name: &str) {
        self.0.remove(&Step::field(name));
    }

    /// The set with each declared field that has paths below it as a member too.
    pub(super) fn with_named_fields(&self, place: Place) -> Self {
        let nodes = self.0.iter().map(|(step, node)| {
            let (declared, inside) = match step {
                Step::Field(name) => (
                    matches!(place.form(), Form::Struct(of) if of.field(name).is_some()),
                    place.child(name).unwrap_or(Place::Free),
                ),
                Step::Key(_) | Step::Value(_) | Step::Index(_) => (false, place.entry()),
            };
            let node = Node {
                member: node.member || declared,
                below: node.below.with_named_fields(inside),
            };
            (step.clone(), node)
        });
        Self(nodes.collect())
    }

    /// All members: those of one level before those below, each level in order.
    pub(super) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, above: &mut Vec<Step>, paths: &mut Vec<Path>) {
        for (step, _) in self.0.iter().filter(|(_, node)| node.member) {
            paths.push(Path(above.iter().chain([step]).cloned().collect()));
        }
        for (step, node) in &self.0 {
            above.push(step.clone());
            node.below.collect_paths(above, paths);
            above.pop();
        }
    }

    /// `FieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let fields = self.0.iter().map(|(step, node)| {
            let mut below = node.below.to_json();
            if node.member && !node.below.is_empty() {
                below["."] = Value::Object(Map::new());
            }
            (step.to_wire(), below)
        });
        Value::Object(fields.collect())
    }

    /// Reads `FieldsV1`; steps of an unknown form are passed over.
    pub(super) fn from_json(fields: &Value) -> Self {
        let Some(fields) = fields.as_object() else {
            return Self::default();
        };
        let nodes = fields.iter().filter_map(|(step, inside)| {
            let node = Node {
                member: inside.get(".").is_some() || inside.as_object().is_some_and(Map::is_empty),
                below: Self::from_json(inside),
            };
            Some((Step::from_wire(step)?, node))
        });
        Self(nodes.filter(|(_, node)| !node.is_empty()).collect())
    }
}

impl FromIterator<Vec<Step>> for Set {
    fn from_iter<I: IntoIterator<Item = Vec<Step>>>(paths: I) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(&path);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({"f:data": {".": {}, "f:a": {}}, "f:spec": {
            "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}},
            "f:finalizers": {"v:\"example.com/a\"": {}}}})
    }

    #[test]
    fn fields_v1_is_read_and_written_alike() {
        assert_eq!(Set::from_json(&sample()).to_json(), sample());
    }

    #[test]
    fn paths_print_as_kubernetes_prints_them() {
        let paths: Vec<String> = Set::from_json(&sample())
            .paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            ".data",
            ".data.a",
            ".spec.containers[name=\"c\"]",
            ".spec.containers[name=\"c\"].image",
            ".spec.finalizers[=\"example.com/a\"]",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn set_operations_look_at_members_only() {
        let set = |value: Value| Set::from_json(&value);
        let whole = set(json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}}));
        let part = set(json!({"f:data": {"f:a": {}}}));
        assert_eq!(
            whole.difference(&part),
            set(json!({"f:data": {".": {}, "f:b": {}}}))
        );
        assert_eq!(whole.intersection(&part), part);
        assert_eq!(part.union(&whole), whole);
        assert!(part.difference(&whole).is_empty());
    }
}
