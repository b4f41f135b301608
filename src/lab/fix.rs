//! Named fixes: solutions, which must pass, and wrong ones, which must fail where they say.

use super::LabError;

/// A file in `solutions/` or `wrong/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The file's name without its extension.
    pub name: String,
    /// The file, for messages: `labs/ch07-readiness/solutions/other-image.yaml`.
    pub file: String,
    /// How it is carried out.
    pub means: Means,
    /// The file's text.
    pub text: String,
    /// For a wrong fix: the id of the objective or guard at which it fails.
    pub fails: Option<String>,
}

/// How a fix is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A manifest, as `kubectl apply` would: the first line says `# apply`, or nothing of the kind.
    Apply,
    /// A manifest whose objects are deleted and made anew, as `kubectl replace --force` would: `# replace`.
    Replace,
    /// A manifest whose objects are deleted, as `kubectl delete` would: `# delete`.
    Delete,
    /// A shell script that uses kubectl.
    Script,
}

impl Fix {
    /// Reads a fix from its file. `wrong` says that it must name the place where it fails.
    pub(super) fn parse(file: &str, text: &str, wrong: bool) -> Result<Self, LabError> {
        let base = file.rsplit('/').next().unwrap_or(file);
        let (name, extension) = base.rsplit_once('.').unwrap_or((base, ""));
        let means = match extension {
            "yaml" => means(text),
            "sh" => Means::Script,
            _ => return Err(LabError::in_file(file, "expected a .yaml or .sh file")),
        };
        let fails = header(text, "fails").map(str::to_owned);
        if wrong && fails.is_none() {
            return Err(LabError::at(
                file,
                1,
                1,
                "expected a line that names what fails: # fails: <objective or guard>",
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            file: file.to_owned(),
            means,
            text: text.to_owned(),
            fails,
        })
    }
}

/// The words of the comment lines at the top of a file.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
}

fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    comments(text)
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .map(str::trim)
}

fn means(text: &str) -> Means {
    comments(text)
        .find_map(|line| match line {
            "apply" => Some(Means::Apply),
            "replace" => Some(Means::Replace),
            "delete" => Some(Means::Delete),
            _ => None,
        })
        .unwrap_or(Means::Apply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_at_the_top_say_how_and_where_it_fails() {
        for (file, text, means, fails) in [
            (
                "wrong/a.yaml",
                "# fails: there\n# delete\nkind: Pod\n",
                Means::Delete,
                Some("there"),
            ),
            (
                "wrong/a.yaml",
                "# replace\n# fails: there\nkind: Pod\n# delete\n",
                Means::Replace,
                Some("there"),
            ),
            ("solutions/a.yaml", "kind: Pod\n# delete\n", Means::Apply, None),
            (
                "solutions/a.sh",
                "#!/bin/sh\nkubectl get pods\n",
                Means::Script,
                None,
            ),
        ] {
            let fix = Fix::parse(file, text, file.starts_with("wrong")).unwrap();
            assert_eq!(
                (fix.name.as_str(), fix.means, fix.fails.as_deref()),
                ("a", means, fails)
            );
        }
    }

    #[test]
    fn a_wrong_fix_must_say_where_it_fails() {
        let error = Fix::parse("wrong/a.yaml", "kind: Pod\n", true).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("wrong/a.yaml:1:1: expected a line that names what fails")
        );
    }
}
