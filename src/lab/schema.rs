//! The JSON Schema of `lab.yaml`, from which editors complete and check it.
//!
//! It is written by hand, in `docs/lab.schema.json`; the tests below hold it against the types in both directions.

/// The schema, as JSON.
pub const SCHEMA: &str = include_str!("../../docs/lab.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::SCHEMA;
    use crate::check::{
        Cel, Comparison, Condition, ContainerState, Endpoints, EventSeen, Exists, Field, Http, ImageKept,
        Kept, LogContains, NoRestarts, NothingElseChanged, Phase, PodsReady, Probe, ProbeKind, ProbePort,
        RolloutComplete, StatusCondition,
    };
    use crate::lab::{
        Answer, Catalogue, Definition, Guard, Hint, LabNeed, Language, Objective, Question, Span, Target,
    };

    fn target() -> Target {
        Target::named("Pod", "web")
    }

    fn text() -> Option<String> {
        Some("text".to_owned())
    }

    /// One of each comparison.
    fn comparisons() -> Vec<Comparison> {
        let all = vec![
            Comparison::Equal(json!(1)),
            Comparison::NotEqual(json!("1Gi")),
            Comparison::OneOf(vec![json!(1)]),
            Comparison::AtLeast(json!(1)),
            Comparison::AtMost(json!(1)),
            Comparison::Set(true),
            Comparison::SameAs("spec.a".to_owned()),
        ];
        for comparison in &all {
            // A new comparison doesn't compile here until it is in the list above.
            match comparison {
                Comparison::Equal(_)
                | Comparison::NotEqual(_)
                | Comparison::OneOf(_)
                | Comparison::AtLeast(_) => {}
                Comparison::AtMost(_) | Comparison::Set(_) | Comparison::SameAs(_) => {}
            }
        }
        all
    }

    /// One of each condition, with every field set.
    #[expect(clippy::too_many_lines, reason = "a flat list")]
    fn conditions() -> Vec<Condition> {
        let exists = || Condition::Exists(Exists { target: target() });
        let (container, probe) = (text(), ProbeKind::Liveness);
        let mut all = vec![
            Condition::All(vec![exists()]),
            Condition::Any(vec![exists()]),
            Condition::Not(Box::new(exists())),
            exists(),
            Condition::RolloutComplete(RolloutComplete {
                target: target(),
                replicas: 2,
            }),
            Condition::PodsReady(PodsReady {
                target: target(),
                count: 2,
            }),
            Condition::NoRestarts(NoRestarts { target: target() }),
            Condition::Endpoints(Endpoints {
                service: "web".to_owned(),
                ready: 2,
            }),
            Condition::Http(Http {
                target: target(),
                port: Some(80),
                paths: vec!["/".to_owned()],
                status: Some(200),
                contains: text(),
            }),
            Condition::LogContains(LogContains {
                target: target(),
                container: text(),
                text: "a".to_owned(),
                previous: true,
            }),
            Condition::EventSeen(EventSeen {
                target: target(),
                reason: "Killing".to_owned(),
                message: text(),
                count: 2,
            }),
            Condition::StatusCondition(StatusCondition {
                target: target(),
                kind: "Ready".to_owned(),
                status: "True".to_owned(),
                reason: text(),
            }),
            Condition::Phase(Phase {
                target: target(),
                is: "Running".to_owned(),
            }),
            Condition::ContainerState(ContainerState {
                target: target(),
                container: text(),
                waiting: text(),
                terminated: text(),
                restarts: Some(1),
            }),
            Condition::Probe(Probe {
                target: target(),
                container,
                probe,
                notices_within: Span::seconds(60),
            }),
            Condition::ProbePort(ProbePort {
                target: target(),
                container: "web".to_owned(),
                probe,
            }),
            Condition::ReplicasKept(Kept { target: target() }),
            Condition::ImageKept(ImageKept {
                target: target(),
                container: text(),
            }),
            Condition::NothingElseChanged(NothingElseChanged {
                except: vec![target()],
            }),
            Condition::Cel(Cel {
                expression: "true".to_owned(),
                objects: [("pod".to_owned(), target())].into(),
            }),
        ];
        let field = |is| {
            Condition::Field(Field {
                target: target(),
                path: "spec.a".to_owned(),
                is,
            })
        };
        all.extend(comparisons().into_iter().map(field));
        all
    }

    /// A lab with every field and every condition in it.
    fn specimen() -> Definition {
        let condition = || Condition::Exists(Exists { target: target() });
        Definition {
            format_version: 1,
            id: "web".to_owned(),
            chapter: 7,
            order: 1,
            title: Language::ALL.map(|language| (language, "Web".to_owned())).into(),
            topics: vec!["probes".to_owned()],
            minutes: 5,
            cluster: "single".to_owned(),
            needs: vec![LabNeed::WholeCluster, LabNeed::Metrics],
            manifests: vec!["web.yaml".to_owned()],
            symptom: Condition::All(conditions()),
            objectives: vec![Objective {
                id: "a".to_owned(),
                condition: condition(),
                window: Span::seconds(40),
            }],
            guards: vec![Guard {
                id: "b".to_owned(),
                condition: condition(),
            }],
            questions: vec![Question {
                id: "c".to_owned(),
                answer: Answer {
                    expression: "1".to_owned(),
                    objects: [("pod".to_owned(), target())].into(),
                },
                when: Some(condition()),
            }],
            hints: vec![Hint {
                id: "d".to_owned(),
                when: Some(condition()),
            }],
        }
    }

    /// A walk through a value along its schema; notes each property of the schema that it came by.
    struct Walk<'a> {
        root: &'a Value,
        seen: BTreeSet<(String, String)>,
        /// Where each property stands in the value, and whether the schema requires it.
        properties: Vec<(String, String, bool)>,
    }

    impl<'a> Walk<'a> {
        fn through(root: &'a Value, value: &Value) -> Result<Self, String> {
            let mut walk = Self {
                root,
                seen: BTreeSet::new(),
                properties: vec![],
            };
            walk.visit(root, value, "")?;
            Ok(walk)
        }

        fn visit(&mut self, schema: &'a Value, value: &Value, at: &str) -> Result<(), String> {
            if let Some(name) = schema["$ref"].as_str() {
                let found = self
                    .root
                    .pointer(name.trim_start_matches('#'))
                    .ok_or_else(|| format!("no {name}"))?;
                return self.visit(found, value, at);
            }
            let fits = match schema["type"].as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("integer") => value.is_i64(),
                Some("boolean") => value.is_boolean(),
                _ => true,
            };
            let listed = schema["enum"].as_array().is_none_or(|all| all.contains(value));
            let constant = schema.get("const").is_none_or(|only| only == value);
            if !(fits && listed && constant) {
                return Err(format!("{at}: {value} doesn't fit {schema}"));
            }
            for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                self.visit(&schema["items"], element, &format!("{at}/{index}"))?;
            }
            self.visit_fields(schema, value, at)
        }

        fn visit_fields(&mut self, schema: &'a Value, value: &Value, at: &str) -> Result<(), String> {
            let required: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if let Some(key) = required.iter().find(|key| value.get(**key).is_none()) {
                return Err(format!("{at}: lacks {key}"));
            }
            for (key, field) in value.as_object().into_iter().flatten() {
                let place = format!("{at}/{key}");
                match schema["properties"].get(key) {
                    Some(inner) => {
                        self.seen
                            .insert((format!("{:p}", std::ptr::from_ref(schema)), key.clone()));
                        self.properties
                            .push((at.to_owned(), key.clone(), required.contains(&key.as_str())));
                        self.visit(inner, field, &place)?;
                    }
                    None if schema["additionalProperties"].is_object() => {
                        self.visit(&schema["additionalProperties"], field, &place)?;
                    }
                    None if schema.get("properties").is_some() => {
                        return Err(format!("{place} isn't in the schema"));
                    }
                    None => {}
                }
            }
            Ok(())
        }
    }

    /// All properties that the schema has anywhere.
    fn all_properties(schema: &Value) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let own = schema.get("properties").and_then(Value::as_object);
        for key in own.into_iter().flat_map(serde_json::Map::keys) {
            found.insert((format!("{:p}", std::ptr::from_ref(schema)), key.clone()));
        }
        match schema {
            Value::Object(fields) => found.extend(fields.values().flat_map(all_properties)),
            Value::Array(elements) => found.extend(elements.iter().flat_map(all_properties)),
            _ => {}
        }
        found
    }

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    #[test]
    fn every_field_of_a_lab_is_in_the_schema_and_nothing_else_is() {
        let (schema, lab) = (schema(), serde_json::to_value(specimen()).unwrap());
        let walk = Walk::through(&schema, &lab).unwrap();
        let unseen: Vec<String> = all_properties(&schema)
            .difference(&walk.seen)
            .map(|it| it.1.clone())
            .collect();
        assert_eq!(unseen, Vec::<String>::new(), "in the schema, but in no lab");
    }

    #[test]
    fn the_schema_requires_what_the_program_requires() {
        let (schema, lab) = (schema(), serde_json::to_value(specimen()).unwrap());
        for (at, key, required) in Walk::through(&schema, &lab).unwrap().properties {
            let mut less = lab.clone();
            let object = less.pointer_mut(&at).and_then(Value::as_object_mut).unwrap();
            object.remove(&key);
            // A condition without its only key is nothing at all.
            let empty = object.is_empty() && !at.is_empty() && !required;
            let taken = Definition::parse("lab.yaml", &less.to_string()).is_ok();
            assert!(
                empty || taken != required,
                "{at}/{key} is {}required",
                if required { "" } else { "not " }
            );
        }
    }

    #[test]
    fn the_labs_inside_the_binary_fit_the_schema() {
        let schema = schema();
        for lab in Catalogue::builtin().labs() {
            let value = serde_json::to_value(&lab.definition).unwrap();
            Walk::through(&schema, &value).map(|_| ()).unwrap();
        }
    }
}
