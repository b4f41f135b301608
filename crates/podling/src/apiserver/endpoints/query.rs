//! Query parameters: options of lists, writes and deletions.
//!
//! Source: `k8s.io/apimachinery/pkg/apis/meta/v1/validation` and `.../internalversion/validation`.

use serde_json::Value;

use super::mutate::body_of;
use crate::apiserver::decode::{FieldValidation, decode_delete_options};
use crate::apiserver::{ApiServer, DeleteOptions, WriteOptions};
use crate::request::Request;
use crate::status::{Cause, Details, Status, field};

/// The longest field manager.
const LONGEST_MANAGER: usize = 128;

const NOT_OLDER_THAN: &str = "NotOlderThan";

/// The kind of the options that a write has in its query, as it stands in refusals of them.
fn kind_of_options(request: &Request) -> &'static str {
    match request.method.as_str() {
        "POST" => "CreateOptions",
        "PUT" => "UpdateOptions",
        _ => "PatchOptions",
    }
}

/// What becomes of unknown and repeated fields.
///
/// # Errors
/// 422 for a word that is none of [`FieldValidation::VALUES`].
pub(super) fn field_validation(request: &Request) -> Result<FieldValidation, Status> {
    let text = request.parameter("fieldValidation").unwrap_or_default();
    FieldValidation::parse(&text)
        .ok_or_else(|| refusal(kind_of_options(request), &[unknown_validation(text)]))
}

fn unknown_validation(text: String) -> field::Error {
    field::Error::not_supported("fieldValidation", text, &FieldValidation::VALUES)
}

/// The options of a POST, PUT or PATCH.
///
/// # Errors
/// 422 for a `dryRun` other than `All`, a field manager that is too long or can't be printed, and what
/// [`field_validation`] refuses.
pub(super) fn write_options(request: &Request) -> Result<WriteOptions, Status> {
    let mut errors = Vec::new();
    let manager = request.parameter("fieldManager").unwrap_or_default();
    check_manager(&manager, &mut errors);
    let dry_run = dry_run(request.parameters("dryRun").collect(), &mut errors);
    let validation = request.parameter("fieldValidation").unwrap_or_default();
    if FieldValidation::parse(&validation).is_none() {
        errors.push(unknown_validation(validation));
    }
    refuse(kind_of_options(request), &errors)?;
    let field_manager = if manager.is_empty() {
        manager_of(&request.user_agent)
    } else {
        manager
    };
    Ok(WriteOptions {
        field_manager,
        dry_run,
    })
}

fn check_manager(manager: &str, errors: &mut Vec<field::Error>) {
    if manager.len() > LONGEST_MANAGER {
        errors.push(field::Error::too_long("fieldManager", LONGEST_MANAGER));
    }
    for (at, character) in manager.char_indices() {
        if character.is_control() || (character.is_whitespace() && character != ' ') {
            let code = u32::from(character);
            let why = format!("invalid character U+{code:04X} (at position {at})");
            errors.push(field::Error::invalid("fieldManager", manager, why));
        }
    }
}

/// The field manager that a user agent stands for: what is before its first slash.
fn manager_of(user_agent: &str) -> String {
    match user_agent.split('/').next().unwrap_or_default() {
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}

fn dry_run(values: Vec<String>, errors: &mut Vec<field::Error>) -> bool {
    if values.iter().any(|value| value != "All") {
        errors.push(field::Error::not_supported("dryRun", values, &["All"]));
        return false;
    }
    !values.is_empty()
}

fn refuse(kind: &str, errors: &[field::Error]) -> Result<(), Status> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(refusal(kind, errors))
    }
}

/// 422 for options of a kind.
pub(super) fn refusal(kind: &str, errors: &[field::Error]) -> Status {
    Status::invalid("meta.k8s.io", kind, "", errors)
}

/// A number in a query.
pub(super) fn integer(request: &Request, name: &str) -> Result<Option<i64>, Status> {
    let Some(text) = request.parameter(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = text.parse();
    parsed
        .map(Some)
        .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
}

/// A resourceVersion parameter; `None` if it is not given.
pub(super) fn resource_version(request: &Request) -> Result<Option<u64>, Status> {
    let Some(text) = request
        .parameter("resourceVersion")
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let why = format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        );
        Status::new(500, "", why)
    })
}

/// Refuses a resourceVersion that is still to come.
pub(super) fn check_not_in_future(api: &ApiServer, version: Option<u64>) -> Result<(), Status> {
    let Some(version) = version.filter(|version| *version > api.revision()) else {
        return Ok(());
    };
    let message = format!(
        "Timeout: Too large resource version: {version}, current: {}",
        api.revision()
    );
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    let details = Details {
        causes: vec![cause],
        retry_after_seconds: 1,
        ..Details::default()
    };
    Err(Status {
        details: Some(Box::new(details)),
        ..Status::new(504, "Timeout", message)
    })
}

/// Checks `resourceVersionMatch` and `sendInitialEvents` against each other (`ValidateListOptions`).
pub(super) fn check_list_options(request: &Request, watch: bool) -> Result<(), Status> {
    let errors = if watch {
        watch_problems(request)
    } else {
        list_problems(request)
    };
    refuse("ListOptions", &errors)
}

fn version_match_forbidden(why: &str) -> field::Error {
    field::Error::forbidden("resourceVersionMatch", why)
}

fn watch_problems(request: &Request) -> Vec<field::Error> {
    let matching = request.parameter("resourceVersionMatch").unwrap_or_default();
    let initial = request.parameter("sendInitialEvents").is_some();
    let mut errors = Vec::new();
    if initial && matching != NOT_OLDER_THAN {
        errors.push(version_match_forbidden(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    if matching.is_empty() {
        return errors;
    }
    if !initial {
        errors.push(version_match_forbidden(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ));
    }
    if matching != NOT_OLDER_THAN {
        let known = &[NOT_OLDER_THAN];
        errors.push(field::Error::not_supported(
            "resourceVersionMatch",
            matching,
            known,
        ));
    }
    errors.extend(match_with_continue(request));
    errors
}

fn list_problems(request: &Request) -> Vec<field::Error> {
    let matching = request.parameter("resourceVersionMatch").unwrap_or_default();
    let mut errors = Vec::new();
    if !matching.is_empty() {
        let version = request.parameter("resourceVersion").unwrap_or_default();
        if version.is_empty() {
            errors.push(version_match_forbidden(
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        errors.extend(match_with_continue(request));
        if !matches!(matching.as_str(), "Exact" | NOT_OLDER_THAN) {
            let known = &["Exact", NOT_OLDER_THAN, ""];
            errors.push(field::Error::not_supported(
                "resourceVersionMatch",
                matching.clone(),
                known,
            ));
        }
        if matching == "Exact" && version == "0" {
            errors.push(version_match_forbidden(
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
    }
    if request.parameter("sendInitialEvents").is_some() {
        let why = "sendInitialEvents is forbidden for list";
        errors.push(field::Error::forbidden("sendInitialEvents", why));
    }
    errors
}

fn match_with_continue(request: &Request) -> Option<field::Error> {
    let continued = request
        .parameter("continue")
        .is_some_and(|token| !token.is_empty());
    continued.then(|| version_match_forbidden("resourceVersionMatch is forbidden when continue is provided"))
}

/// The options of a DELETE: from the body, or without one from the query.
pub(super) fn delete_options(request: &Request) -> Result<DeleteOptions, Status> {
    let body = delete_body(request)?;
    let mut errors = Vec::new();
    let (mut options, dry_runs) = if body.is_null() {
        options_in_query(request, &mut errors)?
    } else {
        let orphan = body["orphanDependents"].as_bool();
        let mut options = options_in(&body);
        check_propagation(options.propagation_policy.as_deref(), orphan, &mut errors);
        options.propagation_policy = options
            .propagation_policy
            .or_else(|| orphan.map(|orphan| if orphan { "Orphan" } else { "Background" }.to_owned()));
        (options, dry_runs_in(&body))
    };
    options.dry_run = dry_run(dry_runs, &mut errors);
    refuse("DeleteOptions", &errors)?;
    Ok(options)
}

fn options_in_query(
    request: &Request,
    errors: &mut Vec<field::Error>,
) -> Result<(DeleteOptions, Vec<String>), Status> {
    let propagation_policy = request
        .parameter("propagationPolicy")
        .filter(|policy| !policy.is_empty());
    check_propagation(propagation_policy.as_deref(), None, errors);
    let options = DeleteOptions {
        grace_period_seconds: integer(request, "gracePeriodSeconds")?,
        propagation_policy,
        ..DeleteOptions::default()
    };
    Ok((options, request.parameters("dryRun").collect()))
}

/// `metav1.DeleteOptions` as they stand in a body.
pub(super) fn options_in(body: &Value) -> DeleteOptions {
    let owned = |text: &Value| text.as_str().map(str::to_owned);
    DeleteOptions {
        grace_period_seconds: body["gracePeriodSeconds"].as_i64(),
        propagation_policy: owned(&body["propagationPolicy"]),
        uid: owned(&body["preconditions"]["uid"]),
        resource_version: owned(&body["preconditions"]["resourceVersion"]),
        dry_run: !dry_runs_in(body).is_empty(),
    }
}

/// The entries of `dryRun` in a body.
pub(super) fn dry_runs_in(body: &Value) -> Vec<String> {
    let entries = body["dryRun"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry.as_str().map(str::to_owned))
        .collect()
}

fn check_propagation(policy: Option<&str>, orphan: Option<bool>, errors: &mut Vec<field::Error>) {
    let Some(policy) = policy else { return };
    if orphan.is_some() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        errors.push(field::Error::invalid("propagationPolicy", policy, why));
    }
    if !matches!(policy, "Foreground" | "Background" | "Orphan") {
        let known = &["Foreground", "Background", "Orphan", "nil"];
        errors.push(field::Error::not_supported("propagationPolicy", policy, known));
    }
}

fn delete_body(request: &Request) -> Result<Value, Status> {
    if request.body.is_empty() {
        Ok(Value::Null)
    } else {
        decode_delete_options(body_of(request)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_manager_comes_from_the_query_or_the_user_agent() {
        for (path, agent, manager) in [
            ("/x?fieldManager=me", "kubectl/v1.36", "me"),
            ("/x", "kubectl/v1.36 (linux)", "kubectl"),
            ("/x", "", "unknown"),
        ] {
            let request = Request {
                user_agent: agent.to_owned(),
                ..Request::new("POST", path)
            };
            assert_eq!(write_options(&request).unwrap().field_manager, manager);
        }
    }

    #[test]
    fn bad_options_are_refused_in_kubernetes_words() {
        for (method, kind) in [
            ("POST", "CreateOptions"),
            ("PUT", "UpdateOptions"),
            ("PATCH", "PatchOptions"),
        ] {
            let dry = write_options(&Request::new(method, "/x?dryRun=Yes")).unwrap_err();
            let why = "dryRun: Unsupported value: [\"Yes\"]: supported values: \"All\"";
            assert_eq!(dry.message, format!("{kind}.meta.k8s.io \"\" is invalid: {why}"));
        }
        let all = "/x?dryRun=No&fieldManager=a%09b&fieldValidation=strict";
        let all = write_options(&Request::new("POST", all)).unwrap_err();
        let why = "[fieldManager: Invalid value: \"a\\tb\": invalid character U+0009 (at position 1), dryRun: Unsupported \
                   value: [\"No\"]: supported values: \"All\", fieldValidation: Unsupported value: \"strict\": supported \
                   values: \"\", \"Ignore\", \"Strict\", \"Warn\"]";
        assert_eq!(
            all.message,
            format!("CreateOptions.meta.k8s.io \"\" is invalid: {why}")
        );
        let limit = integer(&Request::new("GET", "/x?limit=abc"), "limit").unwrap_err();
        assert_eq!(limit.message, "strconv.ParseInt: parsing \"abc\": invalid syntax");
    }
}
