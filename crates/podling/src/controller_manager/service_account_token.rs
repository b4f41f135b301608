//! The tokens controller: a Secret of the type `kubernetes.io/service-account-token` gets the token of its account, and
//! goes with it.
//!
//! Source: `kubernetes/pkg/controller/serviceaccount/tokens_controller.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::apiserver::authentication::token;
use crate::apiserver::{ApiServer, DeleteOptions};
use crate::resource::{SECRETS, SERVICE_ACCOUNTS};
use crate::storage::{Change, text};

use super::controller::Controller;
use super::namespace_content::ROOT_CA_BUNDLE;
use super::queue::{Key, WorkQueue};
use super::write_options;

const TYPE: &str = "kubernetes.io/service-account-token";
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct ServiceAccountTokenController;

impl Controller for ServiceAccountTokenController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "serviceaccount-token-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &SECRETS && is_token(&change.object) {
            queue.add(api.now(), Key::of(&change.object));
        } else if change.resource == &SERVICE_ACCOUNTS {
            let namespace = text(&change.object, &["metadata", "namespace"]);
            let secrets = api.list(&SECRETS, Some(namespace));
            for secret in secrets.filter(|secret| is_token(secret) && is_of(secret, &change.object)) {
                queue.add(api.now(), Key::of(secret));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(secret) = api.get(&SECRETS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        let account = api
            .get(&SERVICE_ACCOUNTS, &key.namespace, account_of(&secret))
            .cloned();
        let token = account
            .as_ref()
            .map(|account| token::issue_for_secret(api.token_key(), account, &secret));
        let done = match plan(&secret, account.as_deref(), token.as_deref()) {
            Plan::Nothing => true,
            Plan::Delete => api
                .delete(&SECRETS, &key.namespace, &key.name, &DeleteOptions::default())
                .is_ok(),
            Plan::Write(filled) => api.update(&SECRETS, None, filled, &write_options()).is_ok(),
        };
        match done {
            true => queue.forget(key),
            false => queue.retry(api.now(), key.clone()),
        }
    }
}

fn is_token(secret: &Value) -> bool {
    secret["type"] == TYPE
}

fn account_of(secret: &Value) -> &str {
    text(secret, &["metadata", "annotations", NAME])
}

fn is_of(secret: &Value, account: &Value) -> bool {
    account_of(secret) == text(account, &["metadata", "name"])
}

/// What is to become of a Secret.
#[derive(Debug, PartialEq)]
enum Plan {
    Nothing,
    Delete,
    Write(Value),
}

/// A Secret without its account goes; one that lacks something is filled, and keeps what it has.
fn plan(secret: &Value, account: Option<&Value>, token: Option<&str>) -> Plan {
    let (Some(account), Some(token)) = (account, token) else {
        return Plan::Delete;
    };
    let uid = text(account, &["metadata", "uid"]);
    let known = text(secret, &["metadata", "annotations", UID]);
    if !known.is_empty() && known != uid {
        return Plan::Delete;
    }
    let mut filled = secret.clone();
    filled["metadata"]["annotations"][UID] = uid.into();
    if !filled["data"].is_object() {
        filled["data"] = json!({});
    }
    let contents = [
        ("ca.crt", ROOT_CA_BUNDLE),
        ("namespace", text(secret, &["metadata", "namespace"])),
        ("token", token),
    ];
    for (key, content) in contents {
        if text(&filled, &["data", key]).is_empty() {
            filled["data"][key] = STANDARD.encode(content).into();
        }
    }
    match filled == *secret {
        true => Plan::Nothing,
        false => Plan::Write(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_filled_once_and_goes_with_its_account() {
        let secret = json!({"metadata": {"name": "s", "namespace": "shop", "annotations": {NAME: "bot"}}, "type": TYPE});
        let account = json!({"metadata": {"name": "bot", "uid": "u1"}});
        let Plan::Write(filled) = plan(&secret, Some(&account), Some("t")) else {
            panic!("the secret lacks everything");
        };
        assert_eq!(filled["metadata"]["annotations"][UID], "u1");
        assert_eq!(filled["data"]["namespace"], STANDARD.encode("shop"));
        assert_eq!(filled["data"]["token"], STANDARD.encode("t"));
        assert_eq!(plan(&filled, Some(&account), Some("other")), Plan::Nothing);
        assert_eq!(plan(&filled, None, None), Plan::Delete);
        let another = json!({"metadata": {"name": "bot", "uid": "u2"}});
        assert_eq!(plan(&filled, Some(&another), Some("t")), Plan::Delete);
    }
}
