//! The last step of an answer: YAML for who wants it, line breaks for people.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go`, `isPrettyPrint`.

use serde_json::Value;

use crate::apiserver::decode::GroupVersionKind;
use crate::apiserver::negotiation::{self, Encoding};
use crate::apiserver::place::Place;
use crate::apiserver::{go_json, yaml};
use crate::request::{Body, Request, Response};

/// Programs that people read the answers of.
const READERS: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

/// Writes a whole JSON answer as the request wants it.
pub(super) fn encode(request: &Request, mut response: Response) -> Response {
    let (Some(rest), Body::Whole(bytes)) = (
        response.content_type.strip_prefix("application/json"),
        &response.body,
    ) else {
        return response;
    };
    let encoding = negotiation::encoding(&request.accept);
    if encoding == Encoding::Json && !is_pretty(request) {
        return response;
    }
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return response;
    };
    match encoding {
        Encoding::Yaml => {
            response.content_type = format!("application/yaml{rest}");
            response.body = Body::Whole(yaml::from_json(&value).into_bytes());
        }
        Encoding::Json => {
            let text = go_json::indented(&go_json::text(place_of(&value), &value, None));
            response.body = Body::Whole(text.into_bytes());
        }
    }
    response
}

/// What the query says, or else who asks.
fn is_pretty(request: &Request) -> bool {
    match request.parameter("pretty").as_deref() {
        None | Some("") => READERS
            .iter()
            .any(|reader| request.user_agent.starts_with(reader)),
        Some(value) => matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"),
    }
}

fn place_of(object: &Value) -> Place {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let version = text("apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    Place::root(GroupVersionKind {
        group,
        version,
        kind: text("kind"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encoded(query: &str, accept: &str, user_agent: &str) -> (String, String) {
        let mut request = Request::new("GET", &format!("/api/v1/namespaces/a/configmaps/b{query}"));
        accept.clone_into(&mut request.accept);
        user_agent.clone_into(&mut request.user_agent);
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "b"}, "data": {}});
        let response = encode(&request, Response::json(200, &object));
        let Body::Whole(bytes) = response.body else {
            panic!("whole")
        };
        (response.content_type, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn people_get_line_breaks_and_programs_none() {
        let pretty = "{\n  \"kind\": \"ConfigMap\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {\n    \"name\": \"b\"\n  },\n  \
                      \"data\": {}\n}";
        let plain =
            "{\"apiVersion\":\"v1\",\"data\":{},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}\n";
        let cases = [
            ("?pretty=true", "", "kubectl/v1.36", pretty),
            ("", "", "curl/8.5", pretty),
            ("?pretty=false", "", "curl/8.5", plain),
            ("", "", "kubectl/v1.36", plain),
        ];
        for (query, accept, user_agent, expected) in cases {
            assert_eq!(
                encoded(query, accept, user_agent).1,
                expected,
                "{query} {user_agent}"
            );
        }
    }

    #[test]
    fn yaml_is_written_for_who_prefers_it() {
        let (content_type, text) = encoded("", "application/yaml", "curl/8.5");
        assert_eq!(content_type, "application/yaml");
        assert_eq!(
            text,
            "apiVersion: v1\ndata: {}\nkind: ConfigMap\nmetadata:\n  name: b\n"
        );
    }
}
