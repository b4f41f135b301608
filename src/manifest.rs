//! Manifests: reading their YAML as kubectl does, and carrying them out through a `kube::Client`.
//!
//! Used for a lab's break, for what the learner saves in the working folder, and for the fixes that prove a lab.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use serde_json::Value;

use crate::kinds::Kind;
use crate::lab::LabError;

/// The field manager under which bbf applies manifests.
pub const MANAGER: &str = "bbf";

/// Where `kubectl apply` keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How long a deletion may take, in cluster time; more than the default grace period of 30 s.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The object.
    pub object: Value,
    /// The line at which its document begins, from 1.
    pub line: usize,
    kind: Kind,
    name: String,
}

impl Document {
    /// `Kind/name`, for people.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.kind, self.name)
    }

    /// Whether it lives in `namespace` and nowhere else.
    pub fn is_within(&self, namespace: &str) -> bool {
        let own = self.object.pointer("/metadata/namespace").and_then(Value::as_str);
        self.kind.namespaced && own.is_none_or(|own| own == namespace)
    }

    fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        let own = self.object.pointer("/metadata/namespace").and_then(Value::as_str);
        if self.kind.namespaced {
            Api::namespaced_with(client.clone(), own.unwrap_or(namespace), &self.kind.resource())
        } else {
            Api::all_with(client.clone(), &self.kind.resource())
        }
    }
}

/// The server refused an object, or couldn't be reached.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {}", said(.source))]
pub struct ApplyError {
    /// `Kind/name` of the object.
    pub object: String,
    /// The line of the manifest at which the object begins, from 1.
    pub line: usize,
    /// What the server said.
    #[source]
    pub source: Box<kube::Error>,
}

/// The server's own words, without kube's wrapping.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Reads the objects of a manifest, which may hold several documents; `file` is its name in messages.
///
/// # Errors
/// What is no YAML or no object of a known kind, with the line.
pub fn parse(file: &str, text: &str) -> Result<Vec<Document>, LabError> {
    let mut documents = vec![];
    for (offset, part) in split(text) {
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        let object: Value = serde_saphyr::from_str_with_options(&part, options).map_err(|error| {
            let error = LabError::yaml(file, &error);
            LabError {
                line: error.line + if error.line == 0 { 0 } else { offset },
                ..error
            }
        })?;
        if !object.is_null() {
            let line = offset + first_line_of(&part);
            documents.push(
                document(object)
                    .map_err(|message| LabError::at(file, line, 1, message))?
                    .at(line),
            );
        }
    }
    Ok(documents)
}

impl Document {
    fn at(self, line: usize) -> Self {
        Self { line, ..self }
    }
}

/// The documents between the `---` lines, each with the number of lines before it.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(0, String::new())];
    for (index, line) in text.lines().enumerate() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            parts.push((index + 1, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts.retain(|(_, part)| {
        part.lines()
            .any(|line| !line.trim().is_empty() && !line.starts_with('#'))
    });
    parts
}

/// The number, from 1, of the first line that says anything.
fn first_line_of(part: &str) -> usize {
    part.lines()
        .take_while(|line| line.trim().is_empty() || line.starts_with('#'))
        .count()
        + 1
}

fn document(object: Value) -> Result<Document, String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let missing = |field: &str| format!("the object has no {field}");
    let api_version = text("/apiVersion").ok_or_else(|| missing("apiVersion"))?;
    let kind = text("/kind").ok_or_else(|| missing("kind"))?;
    let name = text("/metadata/name").ok_or_else(|| missing("metadata.name"))?;
    let known = Kind::of_manifest(&api_version, &kind)
        .ok_or_else(|| format!("no kind {kind} in version {api_version} is known"))?;
    Ok(Document {
        object,
        line: 1,
        kind: known,
        name,
    })
}

/// Applies objects in their order, as `kubectl apply --server-side --force-conflicts` would. Each carries the annotation
/// that `kubectl apply` leaves and looks for, so that the learner's own `kubectl apply` finds what was applied before.
///
/// # Errors
/// The first object that the server refuses; what came before it is applied.
pub async fn apply(client: &Client, namespace: &str, documents: &[Document]) -> Result<(), ApplyError> {
    for document in documents {
        let params = PatchParams {
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::apply(MANAGER).force()
        };
        let object = with_last_applied(document, namespace);
        let (api, patch) = (document.api(client, namespace), Patch::Apply(&object));
        let patched = api.patch(&document.name, &params, &patch).await;
        patched.map_err(|error| refused(document, error))?;
    }
    Ok(())
}

/// The object with its own configuration in the annotation `last-applied-configuration`, as kubectl writes it
/// (`kubectl/pkg/util/apply.go`): with the namespace, with annotations even if there are none, with a line feed behind.
fn with_last_applied(document: &Document, namespace: &str) -> Value {
    let mut object = document.object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| Value::Object(<_>::default()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove(LAST_APPLIED);
        }
        if document.kind.namespaced {
            metadata.entry("namespace").or_insert_with(|| namespace.into());
        }
    }
    let configuration = format!("{object}\n");
    object["metadata"]["annotations"][LAST_APPLIED] = configuration.into();
    object
}

/// Deletes objects and waits until they are gone, as `kubectl delete` would. Objects that don't exist are no mistake.
///
/// # Errors
/// The first object that the server refuses to delete, or that does not go.
pub async fn delete(client: &Client, namespace: &str, documents: &[Document]) -> Result<(), ApplyError> {
    for document in documents.iter().rev() {
        let api = document.api(client, namespace);
        match api.delete(&document.name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(refused(document, error)),
            Ok(_) => gone(&api, document).await?,
        }
    }
    Ok(())
}

/// Deletes objects and makes them anew, as `kubectl replace --force` would: the way to change what can't be changed.
///
/// # Errors
/// The first object that the server refuses to delete or to make; what was deleted before then is gone.
pub async fn replace(client: &Client, namespace: &str, documents: &[Document]) -> Result<(), ApplyError> {
    delete(client, namespace, documents).await?;
    for document in documents {
        let object: DynamicObject = serde_json::from_value(document.object.clone())
            .map_err(|error| refused(document, kube::Error::SerdeError(error)))?;
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let created = document.api(client, namespace).create(&params, &object).await;
        created.map_err(|error| refused(document, error))?;
    }
    Ok(())
}

async fn gone(api: &Api<DynamicObject>, document: &Document) -> Result<(), ApplyError> {
    let deadline = tokio::time::Instant::now() + GONE_WITHIN;
    loop {
        match api.get_opt(&document.name).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(Some(_)) => {
                let late =
                    std::io::Error::new(std::io::ErrorKind::TimedOut, "is still there after two minutes");
                return Err(refused(document, kube::Error::Service(Box::new(late))));
            }
            Err(error) => return Err(refused(document, error)),
        }
    }
}

fn refused(document: &Document, source: kube::Error) -> ApplyError {
    ApplyError {
        object: document.shown(),
        line: document.line,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_kubectl_reads_them() {
        let text = "# a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644, on: yes}\n---\n---\n\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\n";
        let documents = parse("m.yaml", text).unwrap();
        let shown: Vec<(String, usize)> = documents.iter().map(|it| (it.shown(), it.line)).collect();
        assert_eq!(
            shown,
            [("ConfigMap/a".to_owned(), 3), ("Deployment/b".to_owned(), 10)]
        );
        assert_eq!(documents[0].object["data"]["mode"], 420);
    }

    #[test]
    fn mistakes_point_at_their_line_in_the_whole_file() {
        for (text, says) in [
            (
                "kind: Pod\nmetadata: {name: a}\n",
                "m.yaml:1:1: the object has no apiVersion",
            ),
            (
                "---\n# c\napiVersion: v1\nkind: Pod\n",
                "m.yaml:3:1: the object has no metadata.name",
            ),
            (
                "apiVersion: v2\nkind: Pod\nmetadata: {name: a}\n",
                "m.yaml:1:1: no kind Pod in version v2 is known",
            ),
        ] {
            assert_eq!(parse("m.yaml", text).unwrap_err().to_string(), says);
        }
        let error = parse(
            "m.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\na: [1\nb: 2\n",
        )
        .unwrap_err();
        assert!(error.line > 4, "{error}");
    }

    #[test]
    fn what_is_applied_carries_its_configuration_as_kubectl_leaves_it() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";
        let document = parse("m.yaml", text).unwrap().remove(0);
        let object = with_last_applied(&document, "n");
        let left = object["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap();
        let configuration: Value = serde_json::from_str(left).unwrap();
        assert!(left.ends_with("}\n"));
        let metadata = serde_json::json!({"annotations": {}, "name": "a", "namespace": "n"});
        assert_eq!(configuration["metadata"], metadata);
        assert_eq!(configuration["data"], serde_json::json!({"k": "v"}));
        let again = Document { object, ..document };
        assert_eq!(with_last_applied(&again, "n"), again.object);
    }
}
