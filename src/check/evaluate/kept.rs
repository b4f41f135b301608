//! Guards that compare with what was there before the break.

use serde_json::Value;

use super::Finding;
use super::status::existing;
use crate::check::baseline::{Baseline, INVENTORIED, essence, identity, in_scope};
use crate::check::object::{containers, named, number, text};
use crate::check::{ImageKept, Kept, Message, NothingElseChanged, View};
use crate::kinds::Kind;
use crate::lab::Target;

pub(super) fn replicas(view: &View, baseline: &Baseline, it: &Kept) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let least = baseline
        .object(&it.target)
        .map_or(1, |before| number(before, "/spec/replicas").unwrap_or(1));
    let target = it.target.to_string();
    Ok(if wanted >= least {
        Finding::holds(Message::ReplicasKept {
            target,
            replicas: wanted,
        })
    } else {
        Finding::fails(Message::TooFewWanted {
            target,
            wanted,
            least,
        })
    })
}

pub(super) fn images(view: &View, baseline: &Baseline, it: &ImageKept) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let before = baseline.object(&it.target).map_or(&[][..], containers);
    let meant = |container: &&Value| {
        it.container
            .as_ref()
            .is_none_or(|wanted| container["name"] == wanted.as_str())
    };
    let changed = before
        .iter()
        .filter(meant)
        .find_map(|container| image_change(container, object));
    let target = it.target.to_string();
    Ok(match changed {
        None => Finding::holds(Message::ImagesKept { target }),
        Some((container, before, now)) => Finding::fails(Message::ImageChanged {
            target,
            container,
            before,
            now,
        }),
    })
}

/// The container's name and its image before and now, if they differ.
fn image_change(before: &Value, object: &Value) -> Option<(String, String, String)> {
    let name = text(before, "/name")?;
    let image = text(before, "/image")?;
    let now = named(containers(object), name)
        .and_then(|container| text(container, "/image"))
        .unwrap_or_default();
    (now != image).then(|| (name.to_owned(), image.to_owned(), now.to_owned()))
}

pub(super) fn nothing_else(
    view: &View,
    baseline: &Baseline,
    it: &NothingElseChanged,
) -> Result<Finding, Message> {
    for kind in INVENTORIED
        .into_iter()
        .filter_map(Kind::of)
        .filter(|kind| in_scope(*kind, baseline.scope))
    {
        drop(view.all(kind.kind)?);
    }
    let touched_by_task = |key: &str| it.except.iter().any(|target| key_matches(target, key));
    for (key, before) in &baseline.inventory {
        if touched_by_task(key) {
            continue;
        }
        let kind = key.split('/').next().unwrap_or_default();
        let target = key.clone();
        match view.all(kind)?.find(|object| identity(kind, object) == *key) {
            None => return Ok(Finding::fails(Message::OtherGone { target })),
            Some(now) if essence(kind, now) != *before => {
                return Ok(Finding::fails(Message::OtherChanged { target }));
            }
            Some(_) => {}
        }
    }
    Ok(Finding::holds(Message::NothingElseChanged))
}

fn key_matches(target: &Target, key: &str) -> bool {
    let mut parts = key.split('/');
    parts.next() == Some(target.kind.as_str())
        && (target.name().is_none() || parts.next_back() == target.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Scope;
    use crate::check::evaluate::Outcome;
    use serde_json::json;

    fn deployment(replicas: i64, image: &str) -> Value {
        json!({"kind": "Deployment", "metadata": {"name": "web", "namespace": "default", "uid": "u"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
    }

    fn baseline() -> Baseline {
        let service =
            json!({"metadata": {"name": "kubernetes", "namespace": "default", "uid": "s"}, "spec": {}});
        let inventory = [(
            "Service/default/kubernetes".to_owned(),
            essence("Service", &service),
        )];
        Baseline {
            scope: Scope::Cluster,
            objects: vec![deployment(3, "a:1")],
            inventory: inventory.into(),
        }
    }

    fn view(kind: &str, objects: Vec<Value>) -> View {
        let mut view = View::new("default", [], jiff::Timestamp::UNIX_EPOCH);
        for other in INVENTORIED {
            view.replace(other, []);
        }
        view.replace(kind, objects);
        view
    }

    #[test]
    fn replicas_may_grow_but_not_shrink() {
        let kept = Kept {
            target: Target::named("Deployment", "web"),
        };
        for (now, outcome) in [(3, Outcome::Holds), (5, Outcome::Holds), (0, Outcome::Fails)] {
            let found = replicas(
                &view("Deployment", vec![deployment(now, "a:1")]),
                &baseline(),
                &kept,
            )
            .unwrap();
            assert_eq!(found.outcome, outcome, "{now}");
        }
    }

    #[test]
    fn another_image_is_told() {
        let kept = ImageKept {
            target: Target::named("Deployment", "web"),
            container: None,
        };
        let found = images(
            &view("Deployment", vec![deployment(3, "a:2")]),
            &baseline(),
            &kept,
        )
        .unwrap();
        let told = found.message.render(crate::lab::Language::En);
        assert_eq!(
            told,
            "Deployment/web: the image of container c was a:1 and is now a:2"
        );
    }

    #[test]
    fn what_is_no_part_of_the_lab_must_stay_as_it_was() {
        let service = |uid: &str, spec: Value| {
            vec![
                json!({"metadata": {"name": "kubernetes", "namespace": "default", "uid": uid}, "spec": spec}),
            ]
        };
        for (services, outcome) in [
            (service("s", json!({})), Outcome::Holds),
            (service("s", json!({"type": "NodePort"})), Outcome::Fails),
            (service("t", json!({})), Outcome::Fails),
            (vec![], Outcome::Fails),
        ] {
            let found = nothing_else(
                &view("Service", services),
                &baseline(),
                &NothingElseChanged::default(),
            )
            .unwrap();
            assert_eq!(found.outcome, outcome);
        }
    }
}
