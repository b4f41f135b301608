//! The commands that a lab's texts show: found, taken apart, and judged without running them.

use crate::lab::Texts;

/// A command in a `console` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// The id of the part in which it stands.
    pub(super) section: String,
    /// The line as it is shown.
    pub(super) line: String,
    /// Its words.
    pub(super) words: Vec<String>,
}

impl Command {
    /// Whether it goes on until it is stopped.
    pub(super) fn is_endless(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|it| it == word);
        // `-f` is a file for every verb but one.
        has("--watch") || has("-w") || has("--follow") || (has("logs") && has("-f"))
    }
}

/// The commands of a text, in order. An error is a line that is no command.
pub(super) fn of(texts: &Texts) -> Vec<Result<Command, String>> {
    let of_section = |section: &crate::lab::Section| {
        let commands: Vec<_> = lines(&section.body)
            .map(|line| command(&section.id, line))
            .collect();
        commands
    };
    texts.sections.iter().flat_map(of_section).collect()
}

/// The lines in `console` blocks.
fn lines(body: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    body.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        let shown = inside && !fence && !line.trim().is_empty();
        if fence {
            inside = line.trim() == "```console";
        }
        shown
    })
}

fn command(section: &str, line: &str) -> Result<Command, String> {
    let words = split(line).ok_or_else(|| format!("`{line}`: a quote isn't closed"))?;
    if words.first().map(String::as_str) != Some("kubectl") {
        return Err(format!(
            "`{line}`: expected a kubectl command; output belongs into another block"
        ));
    }
    if let Some(word) = words
        .iter()
        .find(|word| word.starts_with('<') && word.ends_with('>'))
    {
        return Err(format!(
            "`{line}`: {word} would have to be filled in; name the object"
        ));
    }
    Ok(Command {
        section: section.to_owned(),
        line: line.to_owned(),
        words,
    })
}

/// The words of a line as a shell splits it; none where a quote isn't closed.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = vec![];
    let (mut word, mut quote) = (None::<String>, None::<char>);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(body: &str) -> Vec<Result<Vec<String>, String>> {
        let texts = Texts::parse("t.md", &format!("# T\n## S {{#story}}\n{body}\n")).unwrap();
        of(&texts)
            .into_iter()
            .map(|command| command.map(|it| it.words))
            .collect()
    }

    #[test]
    fn only_console_blocks_hold_commands() {
        let body = "kubectl is nice\n```yaml\nkind: Pod\n```\n```console\nkubectl get pods --selector 'app = web'\n```\n";
        let words = ["kubectl", "get", "pods", "--selector", "app = web"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(commands(body), [Ok(words)]);
    }

    #[test]
    fn lines_that_cannot_be_typed_are_told() {
        for (line, says) in [
            ("kubectl get 'pods", "a quote isn't closed"),
            ("NAME READY", "expected a kubectl command"),
            ("kubectl logs <pod>", "would have to be filled in"),
        ] {
            let told = commands(&format!("```console\n{line}\n```"))
                .remove(0)
                .unwrap_err();
            assert!(told.contains(says), "{told}");
        }
    }
}
