//! ServiceAccount tokens: issued on request, and looked into when they come back.
//!
//! Source: `pkg/serviceaccount/{claims,jwt}.go`. Differs from Kubernetes: a token has the form and the claims of a real
//! one, but what stands in place of its RSA signature is a message authentication code under a key of the cluster's own,
//! so only the cluster itself can check it and there are no public keys to fetch. The key comes from the cluster's seed:
//! a token must not be trusted outside of it. A token's identifier comes from its content, not from chance.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::service_account;
use crate::apiserver::ApiServer;
use crate::apiserver::registry::read::Fields as _;
use crate::clock::Time;
use crate::resource::{NODES, PODS, SECRETS, SERVICE_ACCOUNTS};
use crate::rng::Rng;
use crate::user::UserInfo;

/// Who issues the tokens, and the audience of those for the API server.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Who issues the tokens in Secrets, and the prefix of their claims.
const SECRETS_ISSUER: &str = "kubernetes/serviceaccount";

/// The lifetime that the kubelet asks for, by which the server recognises tokens for Pods.
const FOR_PODS: i64 = 3607;
/// What such tokens get instead: clients that do not read them again should not break.
const EXTENDED: i64 = 365 * 24 * 60 * 60;

/// The key that a cluster signs with.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    /// Says nothing secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

impl Key {
    /// The key of the cluster with that seed.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::named("tokens", seed);
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&rng.next_u64().to_be_bytes());
        }
        Self(key)
    }

    fn code(&self, message: &str) -> Option<Hmac<Sha256>> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        code.update(message.as_bytes());
        Some(code)
    }

    fn sign(&self, message: &str) -> Vec<u8> {
        self.code(message)
            .map(|code| code.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    fn has_signed(&self, message: &str, signature: &[u8]) -> bool {
        self.code(message)
            .is_some_and(|code| code.verify_slice(signature).is_ok())
    }
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub(crate) struct Claims<'a> {
    /// The ServiceAccount.
    pub(crate) account: &'a Value,
    pub(crate) audiences: &'a [String],
    /// Seconds for which it is good.
    pub(crate) seconds: i64,
    /// The object with which the token dies: its kind and the object itself.
    pub(crate) bound_to: Option<(&'static str, &'a Value)>,
    /// The node that a bound Pod is on.
    pub(crate) node: Option<&'a Value>,
    pub(crate) issued: Time,
}

fn reference(object: &Value) -> Value {
    json!({"name": object["metadata"]["name"], "uid": object["metadata"]["uid"]})
}

fn seconds(time: Time) -> i64 {
    time.as_micros().div_euclid(1_000_000)
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token that says `claims`.
pub(crate) fn issue(key: &Key, claims: &Claims<'_>) -> String {
    let metadata = &claims.account["metadata"];
    let (namespace, name) = (metadata.text("namespace"), metadata.text("name"));
    let mut own = json!({"namespace": namespace, "serviceaccount": reference(claims.account)});
    if let Some((kind, object)) = claims.bound_to {
        own[kind.to_lowercase()] = reference(object);
    }
    if let Some(node) = claims.node {
        own["node"] = reference(node);
    }
    let issued = seconds(claims.issued);
    let mut lifetime = claims.seconds;
    if lifetime == FOR_PODS && matches!(claims.bound_to, Some(("Pod", _))) {
        own["warnafter"] = (issued + lifetime).into();
        lifetime = EXTENDED;
    }
    let mut payload = json!({
        "aud": claims.audiences, "exp": issued + lifetime, "iat": issued, "iss": ISSUER, "kubernetes.io": own,
        "nbf": issued, "sub": service_account::user_name(namespace, name),
    });
    payload["jti"] = identifier(&key.sign(&payload.to_string())).into();
    signed(key, &payload)
}

/// A token that says `payload`.
fn signed(key: &Key, payload: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": URL_SAFE_NO_PAD.encode(key.sign("kid"))});
    let message = format!("{}.{}", encode(&header), encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&message));
    format!("{message}.{signature}")
}

/// The token in a Pod's volume, as the kubelet keeps it: asked for when the Pod was made, and anew whenever four fifths of
/// its time have passed. Example: one for 600 s is replaced after 480 s, 960 s …
pub(crate) fn for_pod(api: &ApiServer, pod: &Value, audience: &str, lifetime: i64) -> String {
    let (namespace, spec) = (pod["metadata"].text("namespace"), &pod["spec"]);
    let name = spec.text("serviceAccountName");
    let found = api.get(&SERVICE_ACCOUNTS, namespace, name).cloned();
    // Admission takes the account `default` as made before it is; such a token is good for nothing yet.
    let account = found.map_or_else(
        || json!({"metadata": {"namespace": namespace, "name": name}}),
        |account| Value::clone(&account),
    );
    let created = Time::parse(pod["metadata"].text("creationTimestamp")).unwrap_or(api.now());
    let renewal = (lifetime * 4 / 5).max(1);
    let renewed = (seconds(api.now()) - seconds(created)) / renewal * renewal;
    let node = api.get(&NODES, "", spec.text("nodeName")).cloned();
    issue(
        api.token_key(),
        &Claims {
            account: &account,
            audiences: &[audience.to_owned()],
            seconds: lifetime,
            bound_to: Some(("Pod", pod)),
            node: node.as_deref(),
            issued: created + Duration::from_secs(u64::try_from(renewed).unwrap_or_default()),
        },
    )
}

/// The token in a Secret of the type `kubernetes.io/service-account-token`: good as long as Secret and account are there.
pub(crate) fn issue_for_secret(key: &Key, account: &Value, secret: &Value) -> String {
    let metadata = &account["metadata"];
    let (namespace, name) = (secret["metadata"].text("namespace"), metadata.text("name"));
    let mut payload = json!({"iss": SECRETS_ISSUER, "sub": service_account::user_name(namespace, name)});
    let own = [
        ("namespace", namespace),
        ("secret.name", secret["metadata"].text("name")),
        ("service-account.name", name),
        ("service-account.uid", metadata.text("uid")),
    ];
    for (claim, value) in own {
        payload[format!("{SECRETS_ISSUER}/{claim}")] = value.into();
    }
    signed(key, &payload)
}

/// The account of a token in a Secret, if the Secret still holds it.
fn verify_of_secret(api: &ApiServer, payload: &Value, token: &str) -> Result<Value, Refusal> {
    let claim = |name: &str| payload.text(&format!("{SECRETS_ISSUER}/{name}")).to_owned();
    let namespace = claim("namespace");
    let secret = api.get(&SECRETS, &namespace, &claim("secret.name"));
    let held = secret.is_some_and(|secret| secret["data"]["token"] == STANDARD.encode(token));
    if !held {
        return Err(INVALIDATED);
    }
    let account = json!({"name": claim("service-account.name"), "uid": claim("service-account.uid")});
    Ok(json!({"namespace": namespace, "serviceaccount": account}))
}

/// A UUID that hangs on the first eight of the bytes.
fn identifier(bytes: &[u8]) -> String {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    Rng::new(u64::from_be_bytes(number)).uuid()
}

/// Whom a token is for.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) user: UserInfo,
    /// Those of the wanted audiences that the token is for.
    pub(crate) audiences: Vec<String>,
}

/// Why a token is no good. Empty for one that is not from here at all.
pub(crate) type Refusal = &'static str;

const INVALIDATED: Refusal = "service account token has been invalidated";

/// Looks into a token: it is signed here, for one of `audiences`, not expired, and all it is bound to is there.
///
/// # Errors
/// Why it is no good.
pub(crate) fn verify(api: &ApiServer, token: &str, audiences: &[&str]) -> Result<Verified, Refusal> {
    let mut payload = opened(api.token_key(), token).ok_or("")?;
    if payload["iss"] == SECRETS_ISSUER {
        payload["kubernetes.io"] = verify_of_secret(api, &payload, token)?;
        check_bound(api, &payload["kubernetes.io"])?;
        return Ok(Verified {
            user: user_of(&payload),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        });
    }
    let now = seconds(api.now());
    if payload.number("exp").is_none_or(|expires| expires < now) {
        return Err("service account token has expired");
    }
    if payload.number("nbf").is_some_and(|begins| begins > now) {
        return Err("service account token is not valid yet");
    }
    let intended = payload.items("aud").iter().filter_map(Value::as_str);
    let intended: Vec<String> = intended
        .filter(|audience| audiences.contains(audience))
        .map(str::to_owned)
        .collect();
    if intended.is_empty() {
        return Err("token audiences is invalid for the target audiences");
    }
    let own = &payload["kubernetes.io"];
    check_bound(api, own)?;
    Ok(Verified {
        user: user_of(&payload),
        audiences: intended,
    })
}

/// What a token says, if it was signed with `key`.
fn opened(key: &Key, token: &str) -> Option<Value> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !key.has_signed(message, &signature) {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(message.split_once('.')?.1).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The account, and what the token is bound to, are still those that they were.
fn check_bound(api: &ApiServer, own: &Value) -> Result<(), Refusal> {
    let namespace = own.text("namespace");
    let kinds = [
        ("serviceaccount", &SERVICE_ACCOUNTS, namespace),
        ("pod", &PODS, namespace),
        ("secret", &SECRETS, namespace),
        ("node", &NODES, ""),
    ];
    for (key, resource, namespace) in kinds {
        let reference = &own[key];
        // The node of a Pod is only told; the Pod itself counts.
        if reference.is_null() || key == "node" && own.has("pod") {
            continue;
        }
        let found = api.get(resource, namespace, reference.text("name"));
        if found.is_none_or(|object| object["metadata"]["uid"] != reference["uid"]) {
            return Err(INVALIDATED);
        }
    }
    Ok(())
}

fn user_of(payload: &Value) -> UserInfo {
    let own = &payload["kubernetes.io"];
    let (namespace, account) = (own.text("namespace"), &own["serviceaccount"]);
    let mut user = UserInfo {
        username: service_account::user_name(namespace, account.text("name")),
        uid: account.text("uid").to_owned(),
        groups: service_account::groups(namespace),
        ..UserInfo::default()
    };
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            let key = format!("authentication.kubernetes.io/{key}");
            user.extra.insert(key, vec![value.to_owned()]);
        }
    };
    if payload.has("jti") {
        add("credential-id", &format!("JTI={}", payload.text("jti")));
    }
    for kind in ["pod", "node"] {
        add(&format!("{kind}-name"), own[kind].text("name"));
        add(&format!("{kind}-uid"), own[kind].text("uid"));
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::{DeleteOptions, WriteOptions};

    fn world() -> ApiServer {
        let mut api = ApiServer::new(1, Time::parse("2026-01-01T00:00:00Z").unwrap());
        api.bootstrap();
        let account = json!({"metadata": {"name": "bot"}});
        api.create(&SERVICE_ACCOUNTS, "default", account, &WriteOptions::default())
            .unwrap();
        api
    }

    fn token(api: &ApiServer, seconds: i64, audience: &str) -> String {
        let account = api.get(&SERVICE_ACCOUNTS, "default", "bot").unwrap();
        issue(
            api.token_key(),
            &Claims {
                account,
                audiences: &[audience.to_owned()],
                seconds,
                bound_to: None,
                node: None,
                issued: api.now(),
            },
        )
    }

    #[test]
    fn a_token_is_good_for_its_account_audience_and_time() {
        let mut api = world();
        let good = token(&api, 600, ISSUER);
        let verified = verify(&api, &good, &[ISSUER]).unwrap();
        assert_eq!(verified.user.username, "system:serviceaccount:default:bot");
        assert!(verified.user.extra["authentication.kubernetes.io/credential-id"][0].starts_with("JTI="));
        let refusal = |api: &ApiServer, token: &str| verify(api, token, &[ISSUER]).unwrap_err();
        let other = token(&api, 600, "me");
        assert_eq!(
            refusal(&api, &other),
            "token audiences is invalid for the target audiences"
        );
        assert_eq!(refusal(&api, "a.b.c"), "");
        assert_eq!(refusal(&api, &good.replace("ey", "ez")), "");
        let later = api.now() + Duration::from_secs(601);
        api.set_now(later);
        assert_eq!(refusal(&api, &good), "service account token has expired");
    }

    #[test]
    fn a_token_dies_with_its_account() {
        let mut api = world();
        let good = token(&api, 600, ISSUER);
        api.delete(&SERVICE_ACCOUNTS, "default", "bot", &DeleteOptions::default())
            .unwrap();
        let refusal = verify(&api, &good, &[ISSUER]).unwrap_err();
        assert_eq!(refusal, "service account token has been invalidated");
    }

    #[test]
    fn a_token_in_a_secret_is_good_while_the_secret_holds_it() {
        let mut api = world();
        let account = api.get(&SERVICE_ACCOUNTS, "default", "bot").unwrap().clone();
        let mut secret = json!({"metadata": {"name": "s", "namespace": "default",
            "annotations": {"kubernetes.io/service-account.name": "bot"}}, "type": "kubernetes.io/service-account-token"});
        let token = issue_for_secret(api.token_key(), &account, &secret);
        assert_eq!(verify(&api, &token, &[ISSUER]).unwrap_err(), INVALIDATED);
        secret["data"] = json!({"token": STANDARD.encode(&token)});
        api.create(&SECRETS, "default", secret, &WriteOptions::default())
            .unwrap();
        let user = verify(&api, &token, &[ISSUER]).unwrap().user;
        assert_eq!(user.username, "system:serviceaccount:default:bot");
        assert!(user.extra.is_empty());
    }

    #[test]
    fn a_token_has_the_form_of_a_real_one() {
        let api = world();
        let token = token(&api, 3600, ISSUER);
        let parts: Vec<Value> = token
            .split('.')
            .take(2)
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0]["alg"], "RS256");
        assert_eq!(parts[1]["sub"], "system:serviceaccount:default:bot");
        assert_eq!(
            parts[1]["exp"].as_i64().unwrap() - parts[1]["iat"].as_i64().unwrap(),
            3600
        );
        assert_eq!(parts[1]["kubernetes.io"]["serviceaccount"]["name"], "bot");
    }
}
