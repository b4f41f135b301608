//! Mistakes in a lab that can be found without a cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::commands;
use crate::check::{self, Condition};
use crate::lab::{Lab, LabError, Language, Question, Target, Texts};
use crate::manifest;

/// All mistakes in a lab. A lab without any may still be wrong; see [`super::prove`].
pub fn lint(lab: &Lab) -> Vec<LabError> {
    let mut mistakes = vec![];
    mistakes.extend(manifests(lab));
    mistakes.extend(expressions(lab));
    mistakes.extend(windows(lab));
    mistakes.extend(fixes(lab));
    mistakes.extend(hidden_requests(lab));
    for language in Language::ALL {
        mistakes.extend(texts(lab, language));
    }
    mistakes.extend(differences(lab));
    mistakes
}

fn manifests(lab: &Lab) -> Vec<LabError> {
    lab.manifests
        .iter()
        .filter_map(|file| manifest::parse(&format!("manifests/{}", file.path), &file.text).err())
        .collect()
}

fn expressions(lab: &Lab) -> Vec<LabError> {
    let mut mistakes = vec![];
    let mut read = |place: &str, expression: &str, objects: &BTreeMap<String, Target>| {
        let found = expression_mistakes(expression, objects);
        mistakes.extend(found.map(|why| in_yaml(lab, format!("{place}: {expression:?} {why}"))));
    };
    for (place, condition) in lab.definition.conditions() {
        condition.walk(&mut |part| {
            if let Condition::Cel(cel) = part {
                read(&place, &cel.expression, &cel.objects);
            }
        });
    }
    for Question { id, answer, .. } in &lab.definition.questions {
        read(&format!("question {id}"), &answer.expression, &answer.objects);
    }
    mistakes
}

/// What is wrong with an expression, if anything.
fn expression_mistakes(
    expression: &str,
    objects: &BTreeMap<String, Target>,
) -> impl Iterator<Item = String> + use<> {
    let variable = check::CEL_NAMESPACE;
    let broken = check::compile_cel(expression)
        .err()
        .map(|error| format!("is no CEL expression: {error}"));
    let names_default = ["'default'", "\"default\""]
        .iter()
        .any(|literal| expression.contains(literal));
    // A service account is called `default` everywhere, a lab's namespace isn't.
    let homebound = (names_default && expression.contains(".namespace")).then(|| {
        format!("holds in the namespace `default` only; the lab's namespace is the variable `{variable}`")
    });
    let hidden = objects
        .contains_key(variable)
        .then(|| format!("hides the variable `{variable}`; call the object otherwise"));
    [broken, homebound, hidden].into_iter().flatten()
}

/// A window must be longer than the broken probe takes to notice: else the break passes before it shows.
fn windows(lab: &Lab) -> Vec<LabError> {
    let objects: Vec<manifest::Document> = lab
        .manifests
        .iter()
        .filter_map(|file| manifest::parse(&file.path, &file.text).ok())
        .flatten()
        .collect();
    let mut mistakes = vec![];
    for objective in &lab.definition.objectives {
        let (target, probe) = match &objective.condition {
            Condition::PodsReady(it) => (&it.target, "readinessProbe"),
            Condition::NoRestarts(it) => (&it.target, "livenessProbe"),
            _ => continue,
        };
        let broken = objects
            .iter()
            .filter(|document| document.shown() == target.to_string());
        let slowest = broken
            .flat_map(|document| check::containers(&document.object))
            .map(|it| check::notice_time(&it[probe]));
        let (slowest, id) = (slowest.max().unwrap_or(0), &objective.id);
        let window = i64::try_from(objective.window.as_seconds()).unwrap_or(i64::MAX);
        if slowest >= window && slowest > 0 {
            let message = format!(
                "objective {id}: the window of {window} s must be longer than the {slowest} s in which the {probe} notices"
            );
            mistakes.push(in_yaml(lab, message));
        }
    }
    mistakes
}

/// What the fixes must be: at least two right ones and three wrong ones, which fail at something that there is.
fn fixes(lab: &Lab) -> Vec<LabError> {
    let mut mistakes = vec![];
    for (folder, fixes, least) in [("solutions", &lab.solutions, 2), ("wrong", &lab.wrong, 3)] {
        if fixes.len() < least {
            let place = format!("{}/{folder}", lab.folder);
            mistakes.push(LabError::in_file(
                place,
                format!("expected at least {least} files, found {}", fixes.len()),
            ));
        }
    }
    let objectives = lab.definition.objectives.iter().map(|it| it.id.as_str());
    let guards = lab.definition.guards.iter().map(|it| it.id.as_str());
    let known: BTreeSet<&str> = objectives.chain(guards).collect();
    for fix in &lab.wrong {
        if let Some(id) = fix.fails.as_deref().filter(|id| !known.contains(id)) {
            let message = format!(
                "there is no objective or guard {id}; there are {}",
                listed(&known)
            );
            mistakes.push(LabError::at(&fix.file, 1, 1, message));
        }
    }
    mistakes
}

/// A request leaves traces in a server's log, so only objectives may make one: they make it once all else has passed.
fn hidden_requests(lab: &Lab) -> Vec<LabError> {
    let mut mistakes = vec![];
    for (place, condition) in lab.definition.conditions() {
        let mut asks = false;
        condition.walk(&mut |part| asks |= matches!(part, Condition::Http(_)));
        if asks && !place.starts_with("objective ") {
            mistakes.push(in_yaml(
                lab,
                format!("{place}: http can stand in an objective only"),
            ));
        }
    }
    mistakes
}

fn texts(lab: &Lab, language: Language) -> Vec<LabError> {
    let file = text_file(lab, language);
    let Some(texts) = lab.texts.get(&language) else {
        return vec![LabError::in_file(file, "is missing")];
    };
    let mut mistakes = vec![];
    match lab.definition.title.get(&language) {
        None => {
            let message = format!("the title lacks {language}: expected {language}: {}", texts.title);
            mistakes.push(in_yaml(lab, message));
        }
        Some(title) if *title != texts.title => {
            let message = format!("the title isn't the one in lab.yaml: expected # {title}");
            mistakes.push(LabError::at(&file, 1, 1, message));
        }
        Some(_) => {}
    }
    let needed = Texts::needed(&lab.definition);
    for id in needed.iter().filter(|id| texts.section(id).is_none()) {
        mistakes.push(LabError::in_file(
            &file,
            format!("lacks a heading with {{#{id}}}"),
        ));
    }
    for section in &texts.sections {
        let here =
            |message: &str| LabError::at(&file, section.line, 1, format!("{{#{}}} {message}", section.id));
        if section.body.is_empty() {
            mistakes.push(here("is empty"));
        }
        if section.id.starts_with("objective-") && section.body.lines().count() > 1 {
            mistakes.push(here("must be one line"));
        }
        if !needed.contains(&section.id) {
            mistakes.push(here("belongs to nothing in lab.yaml"));
        }
    }
    let commands = commands::of(texts).into_iter().filter_map(Result::err);
    mistakes.extend(commands.map(|message| LabError::in_file(&file, message)));
    mistakes
}

/// Each language has the same parts with the same code in them: names, commands and fields aren't translated.
fn differences(lab: &Lab) -> Vec<LabError> {
    let Some(english) = lab.texts.get(&Language::En) else {
        return vec![];
    };
    let mut mistakes = vec![];
    for (language, other) in lab
        .texts
        .iter()
        .filter(|(language, _)| **language != Language::En)
    {
        for section in &english.sections {
            let Some(theirs) = other.section(&section.id) else {
                continue;
            };
            let (ours, theirs_code) = (code(&section.body), code(&theirs.body));
            if ours != theirs_code {
                let only = |a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
                    let different = a
                        .keys()
                        .filter(|span| a.get(*span) != b.get(*span))
                        .cloned()
                        .collect::<BTreeSet<_>>();
                    listed(&different.iter().map(String::as_str).collect())
                };
                let message = format!(
                    "{{#{}}} has other code than in English: here {}; in English {}",
                    section.id,
                    only(&theirs_code, &ours),
                    only(&ours, &theirs_code)
                );
                mistakes.push(LabError::at(text_file(lab, *language), theirs.line, 1, message));
            }
        }
    }
    mistakes
}

/// The code in a part, with how often each stands there: lines in fenced blocks, and spans between backticks.
fn code(body: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut fenced = false;
    for line in body.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            *found.entry(line.to_owned()).or_default() += 1;
        } else {
            for span in line.split('`').skip(1).step_by(2) {
                *found.entry(span.to_owned()).or_default() += 1;
            }
        }
    }
    found
}

fn listed(words: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    if quoted.is_empty() {
        "nothing".to_owned()
    } else {
        quoted.join(", ")
    }
}

fn text_file(lab: &Lab, language: Language) -> String {
    format!("{}/text.{language}.md", lab.folder)
}

fn in_yaml(lab: &Lab, message: String) -> LabError {
    LabError::in_file(format!("{}/lab.yaml", lab.folder), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Catalogue;

    fn readiness() -> Lab {
        Catalogue::builtin().find("ch07-readiness").unwrap().clone()
    }

    fn told(lab: &Lab) -> Vec<String> {
        lint(lab).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_labs_inside_the_binary_have_no_mistakes() {
        for lab in Catalogue::builtin().labs() {
            assert_eq!(told(lab), Vec::<String>::new(), "{}", lab.id());
        }
    }

    #[test]
    fn a_title_that_is_missing_or_differs_is_found() {
        let mut lab = readiness();
        lab.definition.title.insert(Language::Ja, "別の題名".to_owned());
        assert_eq!(
            told(&lab),
            ["labs/ch07-readiness/text.ja.md:1:1: the title isn't the one in lab.yaml: expected # 別の題名"]
        );
        lab.definition.title.remove(&Language::Ja);
        assert_eq!(
            told(&lab),
            ["labs/ch07-readiness/lab.yaml: the title lacks ja: expected ja: 10秒だけReadyなPod"]
        );
    }

    #[test]
    fn code_that_was_translated_is_found() {
        let mut lab = readiness();
        let japanese = lab.texts.get_mut(&Language::Ja).unwrap();
        let task = japanese
            .sections
            .iter_mut()
            .find(|section| section.id == "task")
            .unwrap();
        task.body = task.body.replace("`httpserver-readiness`", "`ウェブ`");
        assert!(
            told(&lab)[0].contains("here `ウェブ`; in English `httpserver-readiness`"),
            "{:?}",
            told(&lab)
        );
    }

    #[test]
    fn a_window_in_which_the_break_looks_healthy_is_found() {
        let mut lab = readiness();
        lab.definition.objectives[0].window = crate::lab::Span::seconds(15);
        let told = told(&lab).remove(0);
        assert!(told.ends_with(
            "the window of 15 s must be longer than the 20 s in which the readinessProbe notices"
        ));
    }

    #[test]
    fn an_expression_that_holds_at_home_only_is_found() {
        let objects: BTreeMap<String, Target> = [("pod".to_owned(), "Pod/web".parse().unwrap())].into();
        for (expression, why) in [
            (
                "pod.metadata.namespace == 'default'",
                Some("the variable `namespace`"),
            ),
            ("pod.metadata.namespace == namespace", None),
            ("pod.spec.serviceAccountName == 'default'", None),
            ("pod.", Some("is no CEL expression")),
        ] {
            let mistakes: Vec<String> = expression_mistakes(expression, &objects).collect();
            assert_eq!(mistakes.len(), usize::from(why.is_some()), "{mistakes:?}");
            assert!(why.is_none_or(|why| mistakes[0].contains(why)), "{mistakes:?}");
        }
        let hiding = [("namespace".to_owned(), "Namespace/web".parse().unwrap())].into();
        assert_eq!(expression_mistakes("namespace != null", &hiding).count(), 1);
    }

    #[test]
    fn a_wrong_fix_that_fails_nowhere_is_found() {
        let mut lab = readiness();
        lab.wrong[0].fails = Some("nowhere".to_owned());
        lab.wrong.truncate(1);
        let told = told(&lab);
        assert!(
            told.iter()
                .any(|it| it.contains("expected at least 3 files, found 1")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|it| it.contains("there is no objective or guard nowhere")),
            "{told:?}"
        );
    }
}
