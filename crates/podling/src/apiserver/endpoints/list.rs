//! Lists: as of which revision, page by page.
//!
//! Source: `k8s.io/apiserver/pkg/storage/etcd3/store.go`, `GetList`, and `.../storage/continue.go`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use serde_json::{Value, json};

use super::presentation::Presentation;
use super::query;
use crate::apiserver::ApiServer;
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::apiserver::versions::stored_as;
use crate::request::{Request, Response};
use crate::status::Status;
use crate::storage::{Object, text};

/// How continue tokens are written.
const ENGINE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD);

/// The version of the form of continue tokens.
const TOKEN_VERSION: &str = "meta.k8s.io/v1";

/// Where a list goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Continue {
    /// The revision of the first page; `None` to go on with what there is now.
    revision: Option<u64>,
    /// The last key of the page before.
    after: String,
}

/// What of a list is asked for.
struct Asked {
    limit: usize,
    from: Option<Continue>,
    /// Exactly as it was then.
    revision: Option<u64>,
}

pub(super) fn list(
    api: &ApiServer,
    request: &Request,
    route: &Route,
    presentation: &Presentation,
    selection: &Selection,
) -> Result<Response, Status> {
    let asked = asked(api, request)?;
    let revision = asked.revision.unwrap_or_else(|| api.revision());
    let all = api
        .list_at(stored_as(route.resource), route.namespace.as_deref(), revision)
        .ok_or_else(|| too_old(asked.from.as_ref()))?;
    let selected = all
        .into_iter()
        .filter(|object| selection.matches(object))
        .collect();
    let (items, last, remaining) = page(selected, route, &asked);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some(last) = last {
        metadata["continue"] = token(revision, &last).into();
        if request.parameter("labelSelector").is_none() && request.parameter("fieldSelector").is_none() {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    Ok(presentation.list(route.resource, &items, &metadata, api.now()))
}

fn asked(api: &ApiServer, request: &Request) -> Result<Asked, Status> {
    let limit = query::integer(request, "limit")?.unwrap_or(0);
    let limit = usize::try_from(limit).unwrap_or(0);
    let version = query::resource_version(request)?.filter(|version| *version > 0);
    let token = request.parameter("continue").filter(|token| !token.is_empty());
    if token.is_some() && version.is_some() {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let from = token.as_deref().map(continued).transpose()?;
    query::check_not_in_future(api, version)?;
    let exact = match request.parameter("resourceVersionMatch").as_deref() {
        Some("Exact") => true,
        // A limit once meant an exact list, and still does unless a client says otherwise.
        None | Some("") => limit > 0,
        _ => false,
    };
    let revision = match &from {
        Some(from) => from.revision,
        None => version.filter(|_| exact),
    };
    Ok(Asked {
        limit,
        from,
        revision,
    })
}

/// 410 for a revision whose changes are forgotten. A list that was begun can go on with what there is now.
fn too_old(from: Option<&Continue>) -> Status {
    let Some(from) = from else {
        return Status::expired("The resourceVersion for the provided list is too old.");
    };
    let mut status = Status::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    status.continue_token = inconsistent_token(&from.after);
    status
}

/// The objects of one page, the key where they end if there are more, and how many more.
fn page(objects: Vec<Object>, route: &Route, asked: &Asked) -> (Vec<Object>, Option<String>, usize) {
    let key = |object: &Object| key_in(route, object);
    let mut rest: Vec<Object> = objects
        .into_iter()
        .filter(|object| asked.from.as_ref().is_none_or(|from| key(object) > from.after))
        .collect();
    if asked.limit == 0 || rest.len() <= asked.limit {
        return (rest, None, 0);
    }
    let remaining = rest.len() - asked.limit;
    rest.truncate(asked.limit);
    let last = rest.last().map(key);
    (rest, last, remaining)
}

/// An object's key below that of the list: with its namespace in a list of all of them.
fn key_in(route: &Route, object: &Value) -> String {
    let name = text(object, &["metadata", "name"]);
    match text(object, &["metadata", "namespace"]) {
        namespace if route.namespace.is_none() && !namespace.is_empty() => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

/// The token of a list that goes on behind `last`: the first key that could follow it.
fn token(revision: u64, last: &str) -> String {
    encode(&json!({"v": TOKEN_VERSION, "rv": revision, "start": format!("{last}\u{0}")}))
}

fn inconsistent_token(last: &str) -> String {
    encode(&json!({"v": TOKEN_VERSION, "rv": -1, "start": format!("{last}\u{0}")}))
}

fn encode(token: &Value) -> String {
    ENGINE.encode(token.to_string())
}

fn continued(token: &str) -> Result<Continue, Status> {
    let refuse = |why: &str| {
        Status::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = ENGINE
        .decode(token)
        .map_err(|error| refuse(&bad_base64(token, &error)))?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|error| refuse(&error.to_string()))?;
    let version = token["v"].as_str().unwrap_or_default();
    if version != TOKEN_VERSION {
        return Err(refuse(&format!(
            "server does not recognize this encoded version {version:?}"
        )));
    }
    let revision = token["rv"].as_i64().unwrap_or(0);
    if revision == 0 {
        return Err(refuse(
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ));
    }
    let start = token["start"].as_str().unwrap_or_default();
    if start.is_empty() {
        return Err(refuse("encoded start key empty (version meta.k8s.io/v1)"));
    }
    let is_clean = start.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_clean {
        return Err(refuse(start));
    }
    Ok(Continue {
        revision: u64::try_from(revision).ok(),
        after: start.trim_end_matches('\u{0}').to_owned(),
    })
}

fn bad_base64(token: &str, error: &base64::DecodeError) -> String {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) => *at,
        // Go reports the first byte of the group that is cut short.
        _ => token.len() / 4 * 4,
    };
    format!("illegal base64 data at input byte {at}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::route::{self, Destination};

    fn route(path: &str) -> Route {
        match route::parse(path) {
            Destination::Resource(route) => route,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_continue_token_names_the_place_where_the_page_ended() {
        let read = continued(&token(7, "a/x")).unwrap();
        assert_eq!((read.revision, read.after.as_str()), (Some(7), "a/x"));
        assert_eq!(continued(&inconsistent_token("x")).unwrap().revision, None);
    }

    #[test]
    fn bad_tokens_are_refused() {
        let encoded = |token: Value| encode(&token);
        let cases = [
            ("hello".to_owned(), "illegal base64 data at input byte 4"),
            (
                encoded(json!({"v": "v2", "rv": 1, "start": "a"})),
                "server does not recognize this encoded version \"v2\"",
            ),
            (
                encoded(json!({"v": "meta.k8s.io/v1", "start": "a"})),
                "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            ),
            (
                encoded(json!({"v": "meta.k8s.io/v1", "rv": 1})),
                "encoded start key empty (version meta.k8s.io/v1)",
            ),
            (
                encoded(json!({"v": "meta.k8s.io/v1", "rv": 1, "start": "../a"})),
                "../a",
            ),
        ];
        for (token, why) in cases {
            assert_eq!(
                continued(&token).unwrap_err().message,
                format!("invalid continue token: continue key is not valid: {why}")
            );
        }
    }

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let object = |name: &str| Object::new(json!({"metadata": {"namespace": "a", "name": name}}));
        let objects: Vec<Object> = ["a", "b", "c"].into_iter().map(object).collect();
        for (path, key) in [
            ("/api/v1/configmaps", "a/b"),
            ("/api/v1/namespaces/a/configmaps", "b"),
        ] {
            let mut asked = Asked {
                limit: 2,
                from: None,
                revision: None,
            };
            let (first, last, remaining) = page(objects.clone(), &route(path), &asked);
            assert_eq!((first.len(), last.as_deref(), remaining), (2, Some(key), 1));
            asked.from = Some(Continue {
                revision: None,
                after: key.to_owned(),
            });
            let (second, end, _) = page(objects.clone(), &route(path), &asked);
            assert_eq!((second.len(), end), (1, None));
        }
    }
}
