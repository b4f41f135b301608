//! From a request's body to an object: syntax, kind, types, strict field validation, Go's form.
//!
//! Source: `k8s.io/apimachinery/pkg/runtime/serializer/json`, `sigs.k8s.io/json` and the handlers around them,
//! v1.36. Differs from Kubernetes: a struct field that is given twice keeps the last value instead of merging the
//! two.

use serde_json::{Value, json};

pub(crate) use self::body::Body;
pub(crate) use self::typed::Origin;
use super::json::{self, Tree};
use crate::resource::Resource;
use crate::schema::{self, Field, Shape, Type};
use crate::status::Status;

mod body;
mod go;
mod protobuf;
mod round_trip;
mod time_text;
mod typed;

/// What becomes of unknown and repeated fields (`fieldValidation`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped, with a warning for each.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// An object read from a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decoded {
    /// The object, as Go would write it; `apiVersion` and `kind` are set.
    pub(crate) object: Value,
    /// What to send in `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// Group, version and kind that a body has, or must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GroupVersionKind<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
}

impl GroupVersionKind<'static> {
    /// Those of a resource's objects.
    pub(crate) const fn of(resource: &Resource) -> Self {
        Self {
            group: resource.group,
            version: resource.version,
            kind: resource.kind,
        }
    }
}

impl GroupVersionKind<'_> {
    /// The type of such objects.
    pub(crate) fn schema(self) -> Option<&'static Type> {
        schema::of_kind(self.group, self.version, self.kind)
    }

    /// `v1` or `apps/v1`, as objects carry it.
    pub(crate) fn api_version(self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

impl FieldValidation {
    /// The values of the query parameter, in the order in which errors list them.
    pub(crate) const VALUES: [&'static str; 4] = ["", "Ignore", "Strict", "Warn"];

    /// Reads the query parameter; `None` if it is none of [`VALUES`](Self::VALUES).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Warn" => Some(Self::Warn),
            "Ignore" => Some(Self::Ignore),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// Reads a body as an object of `resource`.
///
/// # Errors
/// 400 in Kubernetes' words: no JSON, another kind, a value of the wrong type, and with
/// [`FieldValidation::Strict`] any unknown or repeated field.
pub(crate) fn decode(
    resource: &'static Resource,
    body: Body<'_>,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    decode_kind(
        (resource.group, resource.version, resource.kind),
        body,
        validation,
    )
}

/// Reads a body as an object of the given group, version and kind: what subresources take (`autoscaling/v1`
/// `Scale`, `v1` `Binding`, `policy/v1` `Eviction`).
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_kind(
    (group, version, kind): (&str, &str, &str),
    body: Body<'_>,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let wanted = GroupVersionKind { group, version, kind };
    match body {
        Body::Protobuf(bytes) => decode_message(wanted, bytes),
        Body::Json(text) => decode_tree(wanted, parse(text), text, validation),
        Body::Yaml(text) => decode_tree(wanted, body::yaml(text), text, validation),
    }
}

fn decode_tree(
    wanted: GroupVersionKind<'_>,
    tree: Result<Tree, String>,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let unrecognised = |why: String| unrecognised(wanted.kind, &why, body);
    let tree = tree.map_err(unrecognised)?;
    let named = GroupVersionKind::said_by(&tree, wanted).map_err(unrecognised)?;
    named.check(wanted)?;
    let decoded = wanted
        .known_schema()
        .and_then(|of| read(of, wanted, tree, validation));
    decoded.map_err(|why| wanted.refused(wanted.kind, &why))
}

fn decode_message(wanted: GroupVersionKind<'_>, body: &[u8]) -> Result<Decoded, Status> {
    let unknown = protobuf::open(body).map_err(|why| unrecognised(wanted.kind, &why, body))?;
    let named = GroupVersionKind::named(&unknown.api_version, &unknown.kind, wanted);
    // As Go does, a version that cannot be read counts as none.
    let named = named.unwrap_or(GroupVersionKind {
        kind: if unknown.kind.is_empty() {
            wanted.kind
        } else {
            &unknown.kind
        },
        ..wanted
    });
    named.check(wanted)?;
    let object = wanted.known_schema().and_then(|of| {
        let mut object = protobuf::read(of.definition, unknown.raw)?;
        finish(of, wanted, &mut object);
        Ok(object)
    });
    object
        .map(|object| Decoded {
            object,
            warnings: Vec::new(),
        })
        .map_err(|why| wanted.refused(wanted.kind, &why))
}

/// Reads an object again after it was patched; `origin` says in which form the patch left it, `problems` are what
/// strict decoding said about the patch. The error is the sentence alone, for the patch's own wording.
///
/// # Errors
/// Go's words for a value of the wrong type, or `strict decoding error: …`.
pub(crate) fn decode_patched(
    wanted: GroupVersionKind<'_>,
    object: &Value,
    origin: Origin,
    validation: FieldValidation,
    problems: Vec<String>,
) -> Result<Decoded, String> {
    let of = wanted.known_schema()?;
    let mut read = typed::read(of, Tree::from(object), origin)?;
    read.problems.splice(0..0, problems);
    judge(of, wanted, read, validation)
}

/// Reads the `DeleteOptions` of a DELETE; no body is no options.
///
/// # Errors
/// 400 with the bare reason, as Kubernetes answers here.
pub(crate) fn decode_delete_options(body: Body<'_>) -> Result<Value, Status> {
    const SCHEME: &str = "pkg/apis/meta/internalversion/scheme/register.go:27";
    let wanted = GroupVersionKind {
        group: "",
        version: "v1",
        kind: "DeleteOptions",
    };
    let check = |named: GroupVersionKind<'_>| match named.kind == wanted.kind {
        true => Ok(()),
        false => Err(named.not_registered(SCHEME)),
    };
    let from_tree = |tree: Tree| {
        check(GroupVersionKind::said_by(&tree, wanted)?)?;
        read(wanted.known_schema()?, wanted, tree, FieldValidation::Ignore).map(|decoded| decoded.object)
    };
    let decoded = match body {
        Body::Json([]) | Body::Yaml([]) | Body::Protobuf([]) => return Ok(json!({})),
        Body::Json(text) => parse(text).and_then(from_tree),
        Body::Yaml(text) => body::yaml(text).and_then(from_tree),
        Body::Protobuf(bytes) => protobuf::open(bytes).and_then(|unknown| {
            check(GroupVersionKind::named(
                &unknown.api_version,
                &unknown.kind,
                wanted,
            )?)?;
            protobuf::read(wanted.known_schema()?.definition, unknown.raw)
        }),
    };
    decoded.map_err(Status::bad_request)
}

/// Brings an object whose values have the right types into the form in which Kubernetes would write it: nulls and
/// empty fields dropped, and those added that are always written.
pub(crate) fn tidy(resource: &Resource, object: &mut Value) {
    let of = schema::of_kind(resource.group, resource.version, resource.kind);
    if let (Some(of), Some(object)) = (of, object.as_object_mut()) {
        round_trip::tidy(of, object);
    }
}

/// What Go calls the type of `shape`, which is `field` of `of` or what that field's list or map holds.
pub(crate) fn go_type(of: &Type, field: &Field, shape: &Shape) -> String {
    go::type_name(of, field, shape)
}

/// The fields that stand twice in one object of a patch, as strict decoding reports them.
pub(crate) fn repeated_fields(body: &[u8]) -> Vec<String> {
    json::parse(body).map(|tree| tree.repeated()).unwrap_or_default()
}

fn parse(body: &[u8]) -> Result<Tree, String> {
    json::parse(body).map_err(|why| no_kind(&why))
}

fn no_kind(why: &str) -> String {
    format!("couldn't get version/kind; json parse error: {why}")
}

fn read(
    of: &'static Type,
    kind: GroupVersionKind<'_>,
    tree: Tree,
    validation: FieldValidation,
) -> Result<Decoded, String> {
    judge(of, kind, typed::read(of, tree, Origin::Text)?, validation)
}

/// What field validation makes of what was read.
fn judge(
    of: &'static Type,
    kind: GroupVersionKind<'_>,
    read: typed::Read,
    validation: FieldValidation,
) -> Result<Decoded, String> {
    let typed::Read { mut value, problems } = read;
    if validation == FieldValidation::Strict && !problems.is_empty() {
        return Err(format!("strict decoding error: {}", problems.join(", ")));
    }
    finish(of, kind, &mut value);
    let warnings = match validation {
        FieldValidation::Warn => problems,
        _ => Vec::new(),
    };
    Ok(Decoded {
        object: value,
        warnings,
    })
}

/// Gives an object the form in which Go writes it, and says what it is.
fn finish(of: &'static Type, kind: GroupVersionKind<'_>, value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        round_trip::tidy_read(of, object);
        object.insert("apiVersion".to_owned(), kind.api_version().into());
        object.insert("kind".to_owned(), kind.kind.into());
    }
}

fn unrecognised(kind: &str, why: &str, body: &[u8]) -> Status {
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({})",
        excerpt(body)
    ))
}

/// The first thirty bytes of a body: as text if it looks like an object, else in hexadecimal.
fn excerpt(body: &[u8]) -> String {
    const MOST: usize = 30;
    let shown = &body[..body.len().min(MOST)];
    let text = match shown.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|figure| char::from_digit(figure.into(), 16))
            .collect(),
    };
    if body.len() > MOST { text + " ..." } else { text }
}

impl<'a> GroupVersionKind<'a> {
    /// What the body says it is; what it leaves out is as wanted.
    fn said_by(tree: &'a Tree, wanted: Self) -> Result<Self, String> {
        if !matches!(tree, Tree::Object(_) | Tree::Null) {
            return Err(no_kind(&tree.cannot_unmarshal(
                "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
                 \"json:\\\"kind,omitempty\\\"\" }",
            )));
        }
        let api_version = header(tree, "apiVersion")?;
        Self::named(api_version, header(tree, "kind")?, wanted)
    }

    /// What these two say; what is empty is as wanted.
    fn named(api_version: &'a str, kind: &'a str, wanted: Self) -> Result<Self, String> {
        let kind = match kind {
            "" => wanted.kind,
            kind => kind,
        };
        let (group, version) = match api_version.split_once('/') {
            None if api_version.is_empty() => (wanted.group, wanted.version),
            None => ("", api_version),
            Some((_, rest)) if rest.contains('/') => {
                return Err(format!("unexpected GroupVersion string: {api_version}"));
            }
            Some(both) => both,
        };
        Ok(Self { group, version, kind })
    }

    /// Refuses what is not the kind that is wanted.
    fn check(self, wanted: GroupVersionKind<'_>) -> Result<(), Status> {
        if self == wanted {
            return Ok(());
        }
        Err(match self.other_version_of(wanted) {
            Some(why) => Status::bad_request(why),
            None => self.refused(wanted.kind, &self.not_convertible_to(wanted)),
        })
    }

    fn refused(self, wanted: &str, why: &str) -> Status {
        let Self { version, kind, .. } = self;
        Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {wanted}: {why}"
        ))
    }

    fn known_schema(self) -> Result<&'static Type, String> {
        const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";
        self.schema().ok_or_else(|| self.not_registered(SCHEME))
    }

    fn not_registered(self, scheme: &str) -> String {
        format!(
            "no kind \"{}\" is registered for version \"{}\" in scheme \"{scheme}\"",
            self.kind,
            self.api_version()
        )
    }

    /// The refusal of an object that is the wanted one in another group, as events are in two.
    fn other_version_of(self, wanted: GroupVersionKind<'_>) -> Option<String> {
        let same = self.kind == wanted.kind && self.internal_package() == wanted.internal_package();
        (same && self.known_schema().is_ok()).then(|| {
            format!(
                "the API version in the data ({}) does not match the expected API version ({})",
                self.api_version(),
                wanted.api_version()
            )
        })
    }

    fn not_convertible_to(self, wanted: GroupVersionKind<'_>) -> String {
        match self.known_schema() {
            Err(why) => why,
            Ok(of) => format!(
                "converting ({}) to ({}.{}): unknown conversion",
                go::struct_name(of),
                wanted.internal_package(),
                wanted.kind
            ),
        }
    }

    /// The Go package of the version that the server works with.
    fn internal_package(self) -> &'a str {
        match self.group {
            "" | "events.k8s.io" => "core",
            group => group.split_once('.').map_or(group, |(first, _)| first),
        }
    }
}

fn header<'a>(tree: &'a Tree, name: &str) -> Result<&'a str, String> {
    match tree.get(name) {
        None | Some(Tree::Null) => Ok(""),
        Some(Tree::Text(text)) => Ok(text),
        Some(other) => Err(no_kind(&format!(
            "json: cannot unmarshal {} into Go struct field .{name} of type string",
            other.go_kind()
        ))),
    }
}

#[cfg(test)]
mod tests;
