//! CEL, the expression language of Kubernetes itself, for what has no name of its own.
//!
//! Besides the standard functions there are those that Kubernetes adds: `quantity("1Gi")`, sets, lists, `find`, `format`.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Program, Value as Cel};
use serde_json::Value;

use super::Finding;
use crate::check::{Message, View};
use crate::lab::{Answer, Target, Which};

/// The variable that holds the name of the lab's namespace, which is another one on a cluster that others use too.
pub(crate) const NAMESPACE: &str = "namespace";

pub(super) fn holds(view: &View, it: &crate::check::Cel) -> Result<Finding, Message> {
    let expression = it.expression.clone();
    Ok(match value(view, &it.expression, &it.objects)? {
        Ok(Cel::Bool(holds)) => Finding::of(
            holds,
            Message::Cel {
                expression,
                value: holds.to_string(),
            },
        ),
        Ok(other) => {
            let error = format!("expected true or false, got {}", shown(&other));
            Finding::fails(Message::CelError { expression, error })
        }
        Err(error) => Finding::fails(Message::CelError { expression, error }),
    })
}

/// The right answer to a question, as text.
pub(crate) fn answer(view: &View, it: &Answer) -> Result<String, Message> {
    let expression = it.expression.clone();
    match value(view, &it.expression, &it.objects)? {
        Ok(value) => Ok(shown(&value)),
        Err(error) => Err(Message::CelError { expression, error }),
    }
}

/// An expression's value, or what is wrong with it.
fn value(
    view: &View,
    expression: &str,
    objects: &BTreeMap<String, Target>,
) -> Result<Result<Cel, String>, Message> {
    let mut context = Context::default().with_all();
    let namespace = Cel::String(Arc::new(view.namespace.clone()));
    context.add_variable_from_value(NAMESPACE.to_owned(), namespace);
    for (variable, target) in objects {
        context.add_variable_from_value(variable.clone(), bound(view, target)?);
    }
    Ok(compile(expression).and_then(|program| {
        let run = AssertUnwindSafe(|| program.execute(&context).map_err(|error| error.to_string()));
        catch_unwind(run).unwrap_or_else(|_| Err("the expression can't be evaluated".to_owned()))
    }))
}

/// Compiles an expression, or says what is wrong with it. The parser is known to panic on some texts.
pub(crate) fn compile(expression: &str) -> Result<Program, String> {
    let compiled = catch_unwind(AssertUnwindSafe(|| Program::compile(expression)));
    match compiled {
        Ok(Ok(program)) => Ok(program),
        Ok(Err(errors)) => Err(errors.to_string()),
        Err(_) => Err("not a CEL expression".to_owned()),
    }
}

/// An object, or null; by label, the list of the live ones.
fn bound(view: &View, target: &Target) -> Result<Cel, Message> {
    let live = |object: &&Value| object.pointer("/metadata/deletionTimestamp").is_none();
    Ok(match &target.which {
        Which::Named(_) => view.object(target)?.map_or(Cel::Null, cel_of),
        Which::Labelled(_) => {
            let objects: Vec<Cel> = view
                .select(target)?
                .into_iter()
                .filter(live)
                .map(cel_of)
                .collect();
            Cel::List(Arc::new(objects))
        }
    })
}

/// JSON as CEL sees it: all whole numbers are `int`, as Kubernetes has them.
fn cel_of(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Cel::Float(number.as_f64().unwrap_or(0.0)), Cel::Int),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(elements) => Cel::List(Arc::new(elements.iter().map(cel_of).collect())),
        Value::Object(fields) => {
            let map: HashMap<Key, Cel> = fields
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), cel_of(value)))
                .collect();
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

/// A value for people: texts without quotes.
fn shown(value: &Cel) -> String {
    match value {
        Cel::String(text) => text.to_string(),
        Cel::Int(number) => number.to_string(),
        Cel::Bool(truth) => truth.to_string(),
        Cel::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Cel as Condition;
    use crate::check::evaluate::Outcome;
    use serde_json::json;

    fn view() -> View {
        let mut view = View::new("default", [], jiff::Timestamp::UNIX_EPOCH);
        let pod = json!({"metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"memory": "1Gi"}}}]},
            "status": {"qosClass": "Burstable"}});
        view.replace("Pod", [pod]);
        view
    }

    fn objects() -> BTreeMap<String, Target> {
        let objects = [("pod", "Pod/web"), ("gone", "Pod/gone"), ("pods", "Pod[app=web]")];
        objects
            .map(|(name, target)| (name.to_owned(), target.parse().unwrap()))
            .into()
    }

    fn found(expression: &str) -> Finding {
        holds(
            &view(),
            &Condition {
                expression: expression.to_owned(),
                objects: objects(),
            },
        )
        .unwrap()
    }

    #[test]
    fn the_answer_to_a_question_is_looked_up_in_the_cluster() {
        for (expression, right) in [
            ("pod.status.qosClass", "Burstable"),
            ("size(pods)", "1"),
            ("gone", "null"),
        ] {
            let question = Answer {
                expression: expression.to_owned(),
                objects: objects(),
            };
            assert_eq!(answer(&view(), &question), Ok(right.to_owned()));
        }
    }

    #[test]
    fn expressions_see_objects_and_know_quantities() {
        for (expression, outcome) in [
            ("pod.metadata.name == 'web'", Outcome::Holds),
            ("size(pod.spec.containers) == 1", Outcome::Holds),
            (
                "quantity(pod.spec.containers[0].resources.limits.memory).isGreaterThan(quantity('512Mi'))",
                Outcome::Holds,
            ),
            (
                "pods.all(p, p.spec.containers.exists(c, c.name == 'd'))",
                Outcome::Fails,
            ),
            ("gone == null", Outcome::Holds),
            ("has(pod.spec.nodeName)", Outcome::Fails),
            ("pod.metadata.namespace == namespace", Outcome::Holds),
        ] {
            let finding = found(expression);
            assert_eq!(finding.outcome, outcome, "{expression}: {:?}", finding.message);
        }
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_said() {
        for expression in ["pod.", "1 + 1", "nothing.at.all"] {
            assert!(
                matches!(found(expression).message, Message::CelError { .. }),
                "{expression}"
            );
        }
    }
}
