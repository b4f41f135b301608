//! Admission plugin DefaultIngressClass.
//!
//! Source: `plugin/pkg/admission/network/defaultingressclass`, v1.36.

use serde_json::Value;

use super::defaults::the_default_of;
use crate::apiserver::registry::read::{Fields as _, object_at};

const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
/// The annotation that named a class before there was a field for it.
const OLD_WAY: &str = "kubernetes.io/ingress.class";

/// Gives an Ingress that names no class the default one.
pub(super) fn default_class(ingress: &mut Value, classes: &[&Value]) {
    let names_one =
        ingress["spec"].has("ingressClassName") || ingress["metadata"]["annotations"].has(OLD_WAY);
    if names_one {
        return;
    }
    if let Some(class) = the_default_of(classes, &[IS_DEFAULT]) {
        object_at(ingress, "spec")["ingressClassName"] = class.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_ingress_without_a_class_gets_the_default_one() {
        let class = json!({"metadata": {"name": "nginx", "annotations": {IS_DEFAULT: "true"}}});
        let cases = [
            (json!({"spec": {}}), json!("nginx")),
            (json!({"spec": {"ingressClassName": "x"}}), json!("x")),
            (json!({"metadata": {"annotations": {OLD_WAY: "x"}}}), Value::Null),
        ];
        for (mut ingress, expected) in cases {
            default_class(&mut ingress, &[&class]);
            assert_eq!(ingress["spec"]["ingressClassName"], expected);
        }
    }
}
