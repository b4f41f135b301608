//! Reads a tree as an object of a type, as Go's decoder does: what is unknown falls away and is reported, a
//! value of the wrong type is an error in Go's words, special values are brought into their canonical form.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::go;
use super::time_text::{self, Precision};
use crate::apiserver::json::Tree;
use crate::quantity::Quantity;
use crate::schema::{Field, Shape, Type};

/// Go's decoder reports no more problems than this.
const MOST_PROBLEMS: usize = 100;

/// Where an object comes from; Go has a decoder for each, with words of its own for some values of a wrong form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// A text, read by `sigs.k8s.io/json`: each wrong type is told with its field.
    Text,
    /// A map that a patch made, read by `runtime.DefaultUnstructuredConverter`, which doesn't know the field in
    /// which a time or a number-or-text stands.
    Map,
}

/// An object read, with what strict validation has to say about it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) value: Value,
    /// `unknown field "spec.foo"`, in the order of the text.
    pub(super) problems: Vec<String>,
}

/// Reads `tree` as an object of type `of`.
///
/// # Errors
/// Go's words for the first value that has the wrong type.
pub(super) fn read(of: &'static Type, tree: Tree, origin: Origin) -> Result<Read, String> {
    let mut reader = Reader {
        origin,
        problems: Vec::new(),
        type_error: None,
        path: String::new(),
        fields: Vec::new(),
    };
    let value = match tree {
        Tree::Object(entries) => reader.object(of, entries)?,
        _ => Value::Object(Map::new()),
    };
    match reader.type_error {
        Some(error) => Err(error),
        None => Ok(Read {
            value,
            problems: reader.problems,
        }),
    }
}

struct Reader {
    origin: Origin,
    problems: Vec<String>,
    /// The first value of a wrong type; reading goes on, since a broken special value comes before it.
    type_error: Option<String>,
    /// Where strict validation says that we are: `spec.containers[0]`.
    path: String,
    /// Where type errors say that we are: the fields and the embedded structs that hold them, without indexes.
    fields: Vec<&'static str>,
}

/// The field being read and the type that it belongs to.
#[derive(Clone, Copy)]
struct Place {
    of: &'static Type,
    field: &'static Field,
}

impl Reader {
    fn object(&mut self, of: &'static Type, entries: Vec<(String, Tree)>) -> Result<Value, String> {
        let mut object = Map::new();
        let mut seen = BTreeSet::new();
        for (key, tree) in entries {
            let back = self.enter(&key);
            if let Some(field) = of.field(&key) {
                if !seen.insert(field.name) {
                    self.problem("duplicate");
                }
                let above = self.fields.len();
                self.fields.extend(go::embedded_in(of, field));
                self.fields.push(field.name);
                let value = self.value(Place { of, field }, &field.shape, tree)?;
                self.fields.truncate(above);
                if !value.is_null() {
                    object.insert(key, value);
                }
            } else {
                self.problem("unknown");
            }
            self.path.truncate(back);
        }
        Ok(Value::Object(object))
    }

    /// Goes to a key below the present path; returns where to come back to.
    fn enter(&mut self, key: &str) -> usize {
        let back = self.path.len();
        if back > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        back
    }

    fn problem(&mut self, kind: &str) {
        let problem = format!("{kind} field \"{}\"", self.path);
        if self.problems.len() < MOST_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn value(&mut self, at: Place, shape: &'static Shape, tree: Tree) -> Result<Value, String> {
        let value = match (shape, tree) {
            (Shape::Any, tree) => tree.into_value(),
            (_, Tree::Null) => Value::Null,
            (Shape::Text, Tree::Text(text)) => Value::String(text),
            (Shape::Bool, Tree::Bool(value)) => Value::Bool(value),
            (Shape::Object(to), Tree::Object(entries)) => self.object(to.get(), entries)?,
            (Shape::List(element), Tree::List(items)) => self.list(at, element, items)?,
            (Shape::Map(element), Tree::Object(entries)) => self.map(at, element, entries)?,
            (Shape::Int32 | Shape::Int64 | Shape::Double, Tree::Number(text)) => {
                self.number(at, shape, &text)
            }
            (Shape::Bytes, Tree::Text(text)) => self.bytes(&text),
            (Shape::Bytes, Tree::List(items)) => self.byte_list(at, items),
            (Shape::Quantity, tree) => quantity(tree)?,
            (Shape::IntOrString, tree) => {
                int_or_string(tree).map_err(|found| self.special_type(at, &found, "int32"))?
            }
            (Shape::Time | Shape::MicroTime, Tree::Text(text)) => time(shape, &text)?,
            (Shape::Time | Shape::MicroTime, tree) => {
                return Err(self.special_type(at, tree.go_kind(), "string"));
            }
            (_, tree) => self.wrong_type(at, shape, tree.go_kind()),
        };
        Ok(value)
    }

    fn list(&mut self, at: Place, element: &'static Shape, items: Vec<Tree>) -> Result<Value, String> {
        let mut list = Vec::with_capacity(items.len());
        for (index, tree) in items.into_iter().enumerate() {
            let back = self.path.len();
            self.path.extend(["[", &index.to_string(), "]"]);
            let value = self.value(at, element, tree)?;
            self.path.truncate(back);
            list.push(or_zero(value, element));
        }
        Ok(Value::Array(list))
    }

    fn map(
        &mut self,
        at: Place,
        element: &'static Shape,
        entries: Vec<(String, Tree)>,
    ) -> Result<Value, String> {
        let mut map = Map::new();
        for (key, tree) in entries {
            let back = self.enter(&key);
            if map.contains_key(&key) {
                self.problem("duplicate");
            }
            let value = self.value(at, element, tree)?;
            self.path.truncate(back);
            map.insert(key, or_zero(value, element));
        }
        Ok(Value::Object(map))
    }

    fn number(&mut self, at: Place, shape: &'static Shape, text: &str) -> Value {
        let read = match shape {
            Shape::Int32 => text.parse::<i32>().ok().map(Value::from),
            Shape::Int64 => text.parse::<i64>().ok().map(Value::from),
            _ => text.parse::<f64>().ok().map(Value::from),
        };
        read.unwrap_or_else(|| self.wrong_type(at, shape, &format!("number {text}")))
    }

    fn bytes(&mut self, text: &str) -> Value {
        canonical_base64(text).map_or_else(
            |why| {
                let why = match self.origin {
                    Origin::Text => why,
                    Origin::Map => format!("error decoding from json: {why}"),
                };
                self.type_error.get_or_insert(why);
                Value::Null
            },
            Value::String,
        )
    }

    /// Go reads bytes from a list of numbers, too.
    fn byte_list(&mut self, at: Place, items: Vec<Tree>) -> Value {
        let bytes: Vec<u8> = items
            .into_iter()
            .map(|item| match item {
                Tree::Null => 0,
                Tree::Number(text) => text.parse().unwrap_or_else(|_| {
                    self.mistyped(at, &format!("number {text}"), "uint8");
                    0
                }),
                other => {
                    self.mistyped(at, other.go_kind(), "uint8");
                    0
                }
            })
            .collect();
        Value::String(base64_engine().encode(bytes))
    }

    fn wrong_type(&mut self, at: Place, shape: &Shape, found: &str) -> Value {
        self.mistyped(at, found, &go::type_name(at.of, at.field, shape));
        Value::Null
    }

    fn mistyped(&mut self, at: Place, found: &str, wanted: &str) {
        let error = self.in_field(at, found, wanted);
        self.type_error.get_or_insert(error);
    }

    /// The error of a type that reads itself: it ends the reading at once.
    fn special_type(&self, at: Place, found: &str, wanted: &str) -> String {
        match self.origin {
            Origin::Text => self.in_field(at, found, wanted),
            Origin::Map => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        }
    }

    fn in_field(&self, at: Place, found: &str, wanted: &str) -> String {
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {wanted}",
            at.of.name(),
            self.fields.join("."),
        )
    }
}

/// An element that was null is the zero value of its type.
fn or_zero(value: Value, shape: &Shape) -> Value {
    if !value.is_null() {
        return value;
    }
    match shape {
        Shape::Text | Shape::Bytes => Value::String(String::new()),
        Shape::Bool => Value::Bool(false),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => Value::from(0),
        Shape::Quantity => Value::from("0"),
        Shape::Object(_) | Shape::Map(_) => Value::Object(Map::new()),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Time | Shape::MicroTime | Shape::Any => Value::Null,
    }
}

fn quantity(tree: Tree) -> Result<Value, String> {
    let quantity = Quantity::from_json(&tree.into_value()).map_err(|error| error.to_string())?;
    Ok(Value::String(quantity.to_string()))
}

/// A number or a text; the error is what was found instead.
fn int_or_string(tree: Tree) -> Result<Value, String> {
    match tree {
        Tree::Text(text) => Ok(Value::String(text)),
        Tree::Number(text) => match text.parse::<i32>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => Err(format!("number {text}")),
        },
        other => Err(other.go_kind().to_owned()),
    }
}

fn time(shape: &Shape, text: &str) -> Result<Value, String> {
    let precision = match shape {
        Shape::MicroTime => Precision::Micros,
        _ => Precision::Seconds,
    };
    time_text::canonical(text, precision).map(Value::String)
}

/// Checks base64 and writes it without line breaks.
fn canonical_base64(text: &str) -> Result<String, String> {
    if let Some(at) = bad_base64(text.as_bytes()) {
        return Err(format!("illegal base64 data at input byte {at}"));
    }
    let engine = base64_engine();
    let joined = text.replace(['\r', '\n'], "");
    let bytes = engine.decode(joined).map_err(|error| error.to_string())?;
    Ok(engine.encode(bytes))
}

/// Go forgives bits that no byte needs.
fn base64_engine() -> GeneralPurpose {
    let forgiving = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, forgiving)
}

/// Where Go's decoder stops: at the byte that is no figure, at padding that is out of place, or at the start of
/// a group of four that is not complete. `aGVsbG8h!` stops at 8, `YQ` at 0.
fn bad_base64(text: &[u8]) -> Option<usize> {
    let mut figures = text
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let mut in_group = 0;
    while let Some((at, byte)) = figures.next() {
        match byte {
            b'=' if in_group < 2 => return Some(at),
            b'=' => {
                let expected = if in_group == 2 {
                    figures.next()
                } else {
                    Some((at, b'='))
                };
                return match expected {
                    None => Some(text.len()),
                    Some((at, byte)) if byte != b'=' => Some(at),
                    Some(_) => figures.next().map(|(at, _)| at),
                };
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => in_group = (in_group + 1) % 4,
            _ => return Some(at),
        }
    }
    (in_group > 0).then(|| text.len() - in_group)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema;

    fn read_as(kind: &str, object: &Value) -> Result<Read, String> {
        let group = if kind == "Deployment" { "apps" } else { "" };
        let of = schema::of_kind(group, "v1", kind).unwrap();
        read(of, Tree::from(object), Origin::Text)
    }

    #[test]
    fn a_wrong_type_is_told_in_gos_words() {
        let container = |fields: Value| {
            let mut container = json!({"name": "c", "image": "nginx:1.27"});
            container
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            json!({"spec": {"containers": [container]}})
        };
        let cases = [
            (
                "Deployment",
                json!({"spec": {"replicas": "3"}}),
                "string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                "Deployment",
                json!({"spec": {"replicas": 1.5}}),
                "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                "Pod",
                json!({"spec": {"containers": {"name": "c"}}}),
                "object into Go struct field PodSpec.spec.containers of type []v1.Container",
            ),
            (
                "Pod",
                container(json!({"command": "sleep"})),
                "string into Go struct field Container.spec.containers.command of type []string",
            ),
            (
                "Pod",
                container(json!({"ports": [80]})),
                "number into Go struct field Container.spec.containers.ports of type v1.ContainerPort",
            ),
            (
                "Pod",
                container(json!({"imagePullPolicy": true})),
                "bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
            ),
            (
                "ConfigMap",
                json!({"data": ["a"]}),
                "array into Go struct field ConfigMap.data of type map[string]string",
            ),
            (
                "Secret",
                json!({"data": {"a": 1}}),
                "number into Go struct field Secret.data of type []uint8",
            ),
            (
                "Secret",
                json!({"data": {"a": [1, "x"]}}),
                "string into Go struct field Secret.data of type uint8",
            ),
            (
                "Service",
                json!({"spec": {"ports": [{"targetPort": true}]}}),
                "bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
            ),
            (
                "Service",
                json!({"spec": {"ports": [{"targetPort": 1.5}]}}),
                "number 1.5 into Go struct field ServicePort.spec.ports.targetPort of type int32",
            ),
            (
                "Pod",
                json!({"metadata": {"creationTimestamp": 5}}),
                "number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
            ),
            (
                "ResourceQuota",
                json!({"spec": {"scopes": ["NotBestEffort", 1]}}),
                "number into Go struct field ResourceQuotaSpec.spec.scopes of type v1.ResourceQuotaScope",
            ),
        ];
        for (kind, object, expected) in cases {
            let error = read_as(kind, &object).unwrap_err();
            assert_eq!(error, format!("json: cannot unmarshal {expected}"));
        }
    }

    /// Source: the same bodies decoded with k8s.io/apimachinery 0.36.4.
    #[test]
    fn a_wrong_type_is_told_with_the_embedded_struct_that_holds_it() {
        let cases = [
            (
                json!({"volumes": [{"emptyDir": "x"}]}),
                "string into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
            ),
            (
                json!({"volumes": [{"name": 1}]}),
                "number into Go struct field Volume.spec.volumes.name of type string",
            ),
            (
                json!({"volumes": [{"configMap": {"name": 1}}]}),
                "number into Go struct field \
                 ConfigMapVolumeSource.spec.volumes.VolumeSource.configMap.LocalObjectReference.name of type string",
            ),
            (
                json!({"containers": [{"livenessProbe": {"httpGet": {"port": true}}}]}),
                "bool into Go struct field \
                 HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
            ),
        ];
        for (spec, expected) in cases {
            let error = read_as("Pod", &json!({"spec": spec})).unwrap_err();
            assert_eq!(error, format!("json: cannot unmarshal {expected}"));
        }
    }

    #[test]
    fn a_map_that_a_patch_made_does_not_name_the_field() {
        let cases = [
            (
                "Service",
                json!({"spec": {"ports": [{"targetPort": true}]}}),
                "json: cannot unmarshal bool into Go value of type int32",
            ),
            (
                "Pod",
                json!({"metadata": {"creationTimestamp": 5}}),
                "json: cannot unmarshal number into Go value of type string",
            ),
            (
                "Secret",
                json!({"data": {"a": "YQ"}}),
                "error decoding from json: illegal base64 data at input byte 0",
            ),
        ];
        for (kind, object, expected) in cases {
            let of = schema::of_kind("", "v1", kind).unwrap();
            let error = read(of, Tree::from(&object), Origin::Map).unwrap_err();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn bytes_are_read_from_a_list_of_numbers() {
        let read = read_as("Secret", &json!({"data": {"a": [104, 105, null]}})).unwrap();
        assert_eq!(read.value, json!({"data": {"a": "aGkA"}}));
    }

    #[test]
    fn special_values_are_checked_and_made_canonical() {
        let resources =
            |cpu: Value| json!({"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}});
        let limit = |cpu: Value| {
            let read = read_as("Pod", &resources(cpu))?;
            Ok::<Value, String>(read.value["spec"]["containers"][0]["resources"]["limits"]["cpu"].clone())
        };
        assert_eq!(limit(json!("1000m")), Ok(json!("1")));
        assert_eq!(limit(json!(0.5)), Ok(json!("500m")));
        assert!(
            limit(json!("one"))
                .unwrap_err()
                .starts_with("quantities must match")
        );
        let data = |text: &str| read_as("Secret", &json!({"data": {"a": text}})).map(|read| read.value);
        let cases = [
            ("aGk=", None),
            ("a\nGk=", None),
            ("hello!", Some(5)),
            ("YQ", Some(0)),
            ("YQ=", Some(3)),
            ("aGk=x", Some(4)),
        ];
        for (text, stops) in cases {
            let expected = stops.map(|at| format!("illegal base64 data at input byte {at}"));
            assert_eq!(data(text).err(), expected, "{text}");
        }
        assert_eq!(data("a\nGk="), Ok(json!({"data": {"a": "aGk="}})));
    }

    #[test]
    fn null_is_nothing_in_an_object_and_zero_in_a_map() {
        let read = read_as("ConfigMap", &json!({"data": {"a": null}, "immutable": null})).unwrap();
        assert_eq!(read.value, json!({"data": {"a": ""}}));
        assert_eq!(read.problems, Vec::<String>::new());
    }
}
