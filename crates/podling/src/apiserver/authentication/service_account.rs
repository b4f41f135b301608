//! How ServiceAccounts are named as users.
//!
//! Source: `k8s.io/apiserver/pkg/authentication/serviceaccount/util.go`.

const PREFIX: &str = "system:serviceaccount:";
const ALL: &str = "system:serviceaccounts";

/// `system:serviceaccount:{namespace}:{name}`.
pub(crate) fn user_name(namespace: &str, name: &str) -> String {
    format!("{PREFIX}{namespace}:{name}")
}

/// Namespace and name of the ServiceAccount that a user is; `None` for other users.
pub(crate) fn of_user(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(PREFIX)?.split_once(':')?;
    let is_sound = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
    is_sound.then_some((namespace, name))
}

/// The groups of the ServiceAccounts of a namespace.
pub(crate) fn groups(namespace: &str) -> Vec<String> {
    vec![ALL.to_owned(), format!("{ALL}:{namespace}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_told_from_service_accounts() {
        assert_eq!(of_user(&user_name("a", "b")), Some(("a", "b")));
        for other in [
            "jane",
            "system:serviceaccount:a",
            "system:serviceaccount::b",
            "system:serviceaccount:a:b:c",
        ] {
            assert_eq!(of_user(other), None, "{other}");
        }
    }
}
