//! Rules of RBAC: what one allows, what one covers, and how they are shown.
//!
//! Source: `pkg/apis/rbac/v1/evaluation_helpers.go`, `pkg/registry/rbac/validation/policy_comparator.go` and
//! `k8s.io/component-helpers/auth/rbac/validation`.

use serde_json::Value;

use super::Attributes;
use crate::apiserver::registry::read::Fields as _;

/// The API group of roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

const ALL: &str = "*";

/// `rbac/v1` PolicyRule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Rule {
    pub(crate) verbs: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) urls: Vec<String>,
}

fn has(list: &[String], item: &str) -> bool {
    list.iter().any(|own| own == item)
}

fn has_all(list: &[String], items: &[String]) -> bool {
    items.iter().all(|item| has(list, item))
}

impl Rule {
    /// The rules of a role.
    pub(crate) fn of_role(role: &Value) -> Vec<Self> {
        role.items("rules").iter().map(Self::from_json).collect()
    }

    fn from_json(rule: &Value) -> Self {
        let list = |key: &str| {
            let items = rule.items(key).iter();
            items
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        Self {
            verbs: list("verbs"),
            groups: list("apiGroups"),
            resources: list("resources"),
            names: list("resourceNames"),
            urls: list("nonResourceURLs"),
        }
    }

    /// Whether the rule allows a request (`RuleAllows`).
    pub(crate) fn allows(&self, attributes: &Attributes<'_>) -> bool {
        let allows_verb = has(&self.verbs, ALL) || has(&self.verbs, attributes.verb);
        if !attributes.path.is_empty() {
            return allows_verb && self.urls.iter().any(|url| url_matches(url, attributes.path));
        }
        allows_verb
            && (has(&self.groups, ALL) || has(&self.groups, attributes.group))
            && self.has_resource(attributes)
            && (self.names.is_empty() || has(&self.names, attributes.name))
    }

    fn has_resource(&self, attributes: &Attributes<'_>) -> bool {
        let of_all = format!("*/{}", attributes.subresource);
        has(&self.resources, ALL)
            || has(&self.resources, &attributes.combined_resource())
            || !attributes.subresource.is_empty() && has(&self.resources, &of_all)
    }

    /// The rule taken apart: each part is about one verb, one group, one resource and at most one name
    /// (`BreakdownRule`).
    pub(crate) fn parts(&self) -> Vec<Self> {
        let one = |item: &String| vec![item.clone()];
        let names: Vec<Vec<String>> = match self.names.as_slice() {
            [] => vec![Vec::new()],
            names => names.iter().map(one).collect(),
        };
        let mut parts = Vec::new();
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    parts.extend(names.iter().map(|names| Self {
                        verbs: one(verb),
                        groups: one(group),
                        resources: one(resource),
                        names: names.clone(),
                        urls: Vec::new(),
                    }));
                }
            }
        }
        for url in &self.urls {
            parts.extend(self.verbs.iter().map(|verb| Self {
                verbs: one(verb),
                urls: one(url),
                ..Self::default()
            }));
        }
        parts
    }

    /// Whether this rule gives all that `other`, which is about one thing, gives.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let verbs = has(&self.verbs, ALL) || has_all(&self.verbs, &other.verbs);
        let groups = has(&self.groups, ALL) || has_all(&self.groups, &other.groups);
        let resources = has(&self.resources, ALL)
            || other
                .resources
                .iter()
                .all(|resource| self.covers_resource(resource));
        let names = self.names.is_empty() || !other.names.is_empty() && has_all(&self.names, &other.names);
        let urls = other
            .urls
            .iter()
            .all(|url| self.urls.iter().any(|own| url_matches(own, url)));
        verbs && groups && resources && names && urls
    }

    fn covers_resource(&self, resource: &str) -> bool {
        let of_all = resource
            .split_once('/')
            .map(|(_, subresource)| format!("*/{subresource}"));
        has(&self.resources, resource) || of_all.is_some_and(|of_all| has(&self.resources, &of_all))
    }

    /// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}` (`CompactString`).
    pub(crate) fn shown(&self) -> String {
        let lists = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = lists
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| format!("{key}:{}", go_list(list)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }

    /// Whether verbs of several such rules can be named together.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        !self.resources.is_empty()
            && (&self.groups, &self.resources, &self.names) == (&other.groups, &other.resources, &other.names)
    }
}

/// A list of texts as Go prints one with `%q`.
pub(crate) fn go_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}

/// Whether a rule's path (`*`, exact, or with `*` at its end) stands for another.
fn url_matches(url: &str, path: &str) -> bool {
    let prefix = url.strip_suffix('*');
    url == ALL || url == path || prefix.is_some_and(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(of: &Value) -> Rule {
        Rule::from_json(of)
    }

    #[test]
    fn rules_allow_by_verb_group_resource_and_name() {
        let on = |group, resource, subresource, name| Attributes {
            verb: "get",
            group,
            resource,
            subresource,
            name,
            ..Attributes::default()
        };
        let cases = [
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                on("", "pods", "", "p"),
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                on("", "pods", "log", "p"),
                false,
            ),
            (
                json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
                on("apps", "x", "y", ""),
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/scale"]}),
                on("apps", "x", "scale", ""),
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
                on("", "pods", "", "b"),
                false,
            ),
            (
                json!({"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}),
                on("", "pods", "", ""),
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["pods"]}),
                on("", "pods", "", ""),
                false,
            ),
        ];
        for (of, attributes, allowed) in cases {
            assert_eq!(rule(&of).allows(&attributes), allowed, "{of}");
        }
        let path = |path| Attributes {
            verb: "get",
            path,
            ..Attributes::default()
        };
        let urls = rule(&json!({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/api/*"]}));
        assert!(urls.allows(&path("/healthz")) && urls.allows(&path("/api/v1")));
        assert!(!urls.allows(&path("/healthz/ping")) && !urls.allows(&path("/api")));
    }

    #[test]
    fn a_rule_covers_what_it_also_gives() {
        let wide = rule(&json!({"verbs": ["*"], "apiGroups": [""], "resources": ["pods", "*/scale"]}));
        let part = |resource: &str, names: Value| {
            rule(
                &json!({"verbs": ["get"], "apiGroups": [""], "resources": [resource], "resourceNames": names}),
            )
        };
        assert!(wide.covers(&part("pods", json!([]))) && wide.covers(&part("pods", json!(["a"]))));
        assert!(wide.covers(&part("x/scale", json!([]))) && !wide.covers(&part("secrets", json!([]))));
        let named = rule(
            &json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
        );
        assert!(named.covers(&part("pods", json!(["a"]))) && !named.covers(&part("pods", json!([]))));
    }

    #[test]
    fn rules_are_taken_apart_and_shown() {
        let both = rule(
            &json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
        );
        let shown: Vec<String> = both.parts().iter().map(Rule::shown).collect();
        assert_eq!(
            shown,
            [
                "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], Verbs:[\"get\"]}",
                "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], Verbs:[\"list\"]}",
            ]
        );
        let url = rule(&json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}));
        assert_eq!(
            url.parts()[0].shown(),
            "{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"
        );
    }
}
