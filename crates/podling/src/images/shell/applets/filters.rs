//! The commands that turn text into text: `echo`, `cat`, `grep`, `sort`…

use super::{Io, Outcome};

/// Runs a filter; `None` if there is none of that name.
pub(crate) fn run(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    let outcome = match name {
        "echo" => echo(arguments, io),
        "printf" => print(arguments, io),
        "seq" => sequence(arguments, io),
        "basename" | "dirname" => path_part(name, arguments, io),
        "expr" => expression(arguments, io),
        "cat" => cat(arguments, io),
        "tail" if follows(arguments) => follow(arguments, io),
        "sort" | "uniq" | "head" | "tail" | "wc" | "tr" | "cut" | "tee" | "grep" => {
            match input(name, arguments, io) {
                Ok(bytes) if name == "wc" && arguments.first().is_some_and(|flag| flag == "-c") => {
                    io.line(&bytes.len().to_string());
                    Outcome::Done(0)
                }
                Ok(bytes) => filter(name, arguments, &String::from_utf8_lossy(&bytes), io),
                Err(outcome) => outcome,
            }
        }
        _ => return None,
    };
    Some(outcome)
}

fn echo(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let flags = arguments
        .iter()
        .take_while(|argument| matches!(argument.as_str(), "-n" | "-e" | "-ne" | "-en"))
        .count();
    let (flags, words) = arguments.split_at(flags);
    let text = words.join(" ");
    if flags.iter().any(|flag| flag.contains('e')) {
        io.out.push_str(&unescape(&text));
    } else {
        io.out.push_str(&text);
    }
    if !flags.iter().any(|flag| flag.contains('n')) {
        io.out.push('\n');
    }
    Outcome::Done(0)
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\\", "\\")
}

/// `printf` with `%s`, `%d` and `%%`; the format is used again while words are left.
fn print(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let Some((form, words)) = arguments.split_first() else {
        return io.error("Usage: printf FORMAT [ARG]...");
    };
    let form = unescape(form);
    let mut words = words.iter().peekable();
    loop {
        let (mut rest, mut used) = (form.as_str(), false);
        while let Some(at) = rest.find('%') {
            io.out.push_str(&rest[..at]);
            match rest[at + 1..].chars().next() {
                Some('s' | 'd') => {
                    used = true;
                    io.out.push_str(words.next().map_or("", String::as_str));
                }
                Some(c) => io.out.push(c),
                None => {}
            }
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        io.out.push_str(rest);
        if !used || words.peek().is_none() {
            return Outcome::Done(0);
        }
    }
}

fn sequence(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let numbers: Vec<i64> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let (first, last) = match numbers.as_slice() {
        [last] => (1, *last),
        [first, last] => (*first, *last),
        _ => return io.error("Usage: seq [FIRST [INC]] LAST"),
    };
    for number in (first..=last).take(100_000) {
        io.line(&number.to_string());
    }
    Outcome::Done(0)
}

fn path_part(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let path = arguments.first().map_or("", String::as_str);
    let (directory, base) = path.rsplit_once('/').unwrap_or((".", path));
    io.line(if name == "basename" { base } else { directory });
    Outcome::Done(0)
}

fn expression(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let value = crate::images::shell::expand::arithmetic(&arguments.join(" "), &|_| String::new());
    io.line(&value.to_string());
    Outcome::Done(i32::from(value == 0))
}

/// `cat`: files byte for byte, or standard input as it comes.
fn cat(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let names: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-') || argument.as_str() == "-")
        .collect();
    let mut status = 0;
    for name in &names {
        let path = io.path(name);
        match io.files.read(&path) {
            _ if name.as_str() == "-" => return pass_on(io),
            Ok(content) => io.raw.extend_from_slice(content),
            Err(crate::images::files::FileError::Missing) => {
                io.error(&missing("cat", name));
                status = 1;
            }
            Err(error) => {
                io.error(&format!("cat: read error: {}", error.text()));
                status = 1;
            }
        }
    }
    if names.is_empty() {
        pass_on(io)
    } else {
        Outcome::Done(status)
    }
}

fn pass_on(io: &mut Io<'_, '_>) -> Outcome {
    if let Some(piped) = io.input.take() {
        io.raw.extend(piped);
        return Outcome::Done(0);
    }
    io.raw.extend(io.stdin.take_all());
    if io.stdin.take_end() {
        Outcome::Done(0)
    } else {
        Outcome::Input
    }
}

fn follows(arguments: &[String]) -> bool {
    let is_follow =
        |flag: &String| matches!(flag.as_str(), "-f" | "-F" | "--follow") || flag.starts_with("-f");
    arguments.iter().any(is_follow)
}

/// `tail -f FILE`: the end of the file, and then what is added to it.
fn follow(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let Some(name) = arguments
        .iter()
        .rfind(|argument| !argument.starts_with('-') && argument.parse::<usize>().is_err())
    else {
        return Outcome::Forever;
    };
    let path = io.path(name);
    if path == "/dev/null" {
        return Outcome::Forever;
    }
    let Ok(content) = io.files.read(&path).map(<[u8]>::to_vec) else {
        return io.error(&missing("tail", name));
    };
    let text = String::from_utf8_lossy(&content).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    ends("tail", arguments, &lines, io);
    Outcome::Follow(path, content.len())
}

/// The text of the named files, or standard input where none is named.
fn input(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Result<Vec<u8>, Outcome> {
    let mut names: Vec<&String> = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-n" | "-c" | "-d" | "-f" | "-k" | "-e" if takes_value(name, word) => drop(words.next()),
            word_text if word_text.starts_with('-') && word_text != "-" => {}
            _ => names.push(word),
        }
    }
    let operands = match name {
        "grep" if !arguments.iter().any(|a| a == "-e") => 1,
        "tr" => 2,
        "tee" => names.len(),
        _ => 0,
    };
    names.drain(..operands.min(names.len()));
    if names.is_empty() {
        return match io.input.take() {
            Some(piped) => Ok(piped),
            None if io.stdin.take_end() => Ok(io.stdin.take_all()),
            None => Err(Outcome::Input),
        };
    }
    let mut text = Vec::new();
    for file in names {
        let path = io.path(file);
        match io.files.read(&path) {
            Ok(content) => text.extend_from_slice(content),
            Err(crate::images::files::FileError::Missing) => {
                return Err(io.error(&missing(name, file)));
            }
            Err(error) => return Err(io.error(&format!("{name}: read error: {}", error.text()))),
        }
    }
    Ok(text)
}

fn missing(name: &str, file: &str) -> String {
    match name {
        "cat" => format!("cat: can't open '{file}': No such file or directory"),
        _ => format!("{name}: {file}: No such file or directory"),
    }
}

fn takes_value(name: &str, flag: &str) -> bool {
    matches!(
        (name, flag),
        ("head" | "tail", "-n" | "-c") | ("cut", "-d" | "-f" | "-c") | ("sort", "-k") | ("grep", "-e")
    )
}

fn flag_value<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument.starts_with(flag))?;
    match arguments[at].strip_prefix(flag) {
        Some("") => arguments.get(at + 1).map(String::as_str),
        value => value,
    }
}

fn filter(name: &str, arguments: &[String], text: &str, io: &mut Io<'_, '_>) -> Outcome {
    let has = |flag: char| arguments.iter().any(|a| a.starts_with('-') && a.contains(flag));
    let mut lines: Vec<&str> = text.lines().collect();
    match name {
        "tee" => {
            io.out.push_str(text);
            for file in arguments.iter().filter(|argument| !argument.starts_with('-')) {
                let path = io.path(file);
                if let Err(error) = io.files.write(&path, text.as_bytes(), has('a')) {
                    return io.error(&format!("tee: {file}: {}", error.text()));
                }
            }
        }
        "sort" => {
            if has('n') {
                lines.sort_by_key(|line| line.trim().parse::<i64>().unwrap_or(0));
            } else {
                lines.sort_unstable();
            }
            if has('r') {
                lines.reverse();
            }
            if has('u') {
                lines.dedup();
            }
            lines.iter().for_each(|line| io.line(line));
        }
        "uniq" => {
            lines.dedup();
            lines.iter().for_each(|line| io.line(line));
        }
        "head" | "tail" => ends(name, arguments, &lines, io),
        "wc" => count(arguments, text, io),
        "tr" => translate(arguments, text, io),
        "cut" => cut(arguments, &lines, io),
        _ => return grep(arguments, &lines, io),
    }
    Outcome::Done(0)
}

fn ends(name: &str, arguments: &[String], lines: &[&str], io: &mut Io<'_, '_>) {
    let short = arguments.iter().find_map(|a| a.strip_prefix('-')?.parse().ok());
    let count = flag_value(arguments, "-n")
        .and_then(|n| n.parse().ok())
        .or(short)
        .unwrap_or(10);
    let shown = match name {
        "head" => &lines[..count.min(lines.len())],
        _ => &lines[lines.len().saturating_sub(count)..],
    };
    shown.iter().for_each(|line| io.line(line));
}

fn count(arguments: &[String], text: &str, io: &mut Io<'_, '_>) {
    let (lines, words, bytes) = (
        text.matches('\n').count(),
        text.split_whitespace().count(),
        text.len(),
    );
    let answer = match arguments.first().map(String::as_str) {
        Some("-l") => lines.to_string(),
        Some("-w") => words.to_string(),
        Some("-c") => bytes.to_string(),
        _ => format!("{lines:>9} {words:>9} {bytes:>9}"),
    };
    io.line(&answer);
}

fn translate(arguments: &[String], text: &str, io: &mut Io<'_, '_>) {
    let set = |at: usize| -> Vec<char> {
        let text = arguments.get(at).map(|a| unescape(a)).unwrap_or_default();
        match text.as_str() {
            "a-z" | "[:lower:]" => ('a'..='z').collect(),
            "A-Z" | "[:upper:]" => ('A'..='Z').collect(),
            "0-9" => ('0'..='9').collect(),
            other => other.chars().collect(),
        }
    };
    if arguments.first().is_some_and(|a| a == "-d") {
        let removed = set(1);
        io.out.extend(text.chars().filter(|c| !removed.contains(c)));
        return;
    }
    let (from, to) = (set(0), set(1));
    let image = |c: char| {
        let at = from.iter().position(|f| *f == c)?;
        to.get(at).or(to.last()).copied()
    };
    io.out.extend(text.chars().map(|c| image(c).unwrap_or(c)));
}

fn cut(arguments: &[String], lines: &[&str], io: &mut Io<'_, '_>) {
    let delimiter = flag_value(arguments, "-d").unwrap_or("\t").to_owned();
    let field: usize = flag_value(arguments, "-f")
        .and_then(|f| f.parse().ok())
        .unwrap_or(1);
    for line in lines {
        let part = line
            .split(delimiter.as_str())
            .nth(field.saturating_sub(1))
            .unwrap_or_default();
        io.line(part);
    }
}

fn grep(arguments: &[String], lines: &[&str], io: &mut Io<'_, '_>) -> Outcome {
    let has = |flag: char| arguments.iter().any(|a| a.starts_with('-') && a.contains(flag));
    let pattern = flag_value(arguments, "-e")
        .or_else(|| arguments.iter().find(|a| !a.starts_with('-')).map(String::as_str))
        .unwrap_or_default();
    let found: Vec<&&str> = lines
        .iter()
        .filter(|line| {
            let (line, pattern) = if has('i') {
                (line.to_lowercase(), pattern.to_lowercase())
            } else {
                ((**line).to_owned(), pattern.to_owned())
            };
            matches(&pattern, &line) != has('v')
        })
        .collect();
    if has('c') {
        io.line(&found.len().to_string());
    } else if !has('q') {
        found.iter().for_each(|line| io.line(line));
    }
    Outcome::Done(i32::from(found.is_empty()))
}

/// Whether a line matches a pattern of literals, `^`, `$`, `.`, `*` and one level of `(a|b|c)`.
fn matches(pattern: &str, line: &str) -> bool {
    if let Some((before, rest)) = pattern.split_once('(')
        && let Some((choices, after)) = rest.split_once(')')
    {
        return choices
            .split('|')
            .any(|choice| matches(&format!("{before}{choice}{after}"), line));
    }
    if pattern.contains('|') {
        return pattern
            .split('|')
            .any(|choice| matches(choice.trim_end_matches('\\'), line));
    }
    let (anchored, pattern) = pattern
        .strip_prefix('^')
        .map_or((false, pattern), |rest| (true, rest));
    let pattern: Vec<char> = pattern.chars().collect();
    let line: Vec<char> = line.chars().collect();
    let starts = if anchored { 0..=0 } else { 0..=line.len() };
    starts
        .into_iter()
        .any(|start| matches_here(&pattern, &line[start..]))
}

fn matches_here(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => true,
        ['$'] => text.is_empty(),
        [c, '*', rest @ ..] => {
            let run = text.iter().take_while(|t| *c == '.' || *t == c).count();
            (0..=run).any(|taken| matches_here(rest, &text[taken..]))
        }
        ['\\', c, rest @ ..] => text.first() == Some(c) && matches_here(rest, &text[1..]),
        [c, rest @ ..] => text.first().is_some_and(|t| *c == '.' || t == c) && matches_here(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_grep_does() {
        for (pattern, line, expected) in [
            ("^(A|B|X_)", "X_a=1", true),
            ("^(A|B|X_)", "PATH=A", false),
            ("a.c$", "xabc", true),
            ("ab*c", "ac", true),
            ("MY_", "MY_NAME=p", true),
            ("x\\.y", "xzy", false),
        ] {
            assert_eq!(matches(pattern, line), expected, "{pattern} {line}");
        }
    }
}
