//! A unified diff with three lines around each change, as Kubernetes shows what a Pod's update would change.

const AROUND: usize = 3;

/// One line of the way from old to new.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The hunks of the diff, each line ended; empty when nothing differs.
pub(super) fn unified(old: &[String], new: &[String]) -> String {
    let lines = compare(old, new);
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(i, _)| i)
        .collect();
    let mut text = String::new();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let together = (rest.windows(2))
            .take_while(|pair| pair[1] - pair[0] <= 2 * AROUND + 1)
            .count();
        let from = first.saturating_sub(AROUND);
        let to = (rest[together] + AROUND + 1).min(lines.len());
        write_hunk(&lines, from, to, &mut text);
        rest = &rest[together + 1..];
    }
    text
}

fn write_hunk(lines: &[Line<'_>], from: usize, to: usize, text: &mut String) {
    let olds = |range: &[Line<'_>]| range.iter().filter(|line| !matches!(line, Line::New(_))).count();
    let news = |range: &[Line<'_>]| range.iter().filter(|line| !matches!(line, Line::Old(_))).count();
    let (before, hunk) = (&lines[..from], &lines[from..to]);
    let header = format!(
        "@@ -{},{} +{},{} @@\n",
        olds(before) + 1,
        olds(hunk),
        news(before) + 1,
        news(hunk)
    );
    text.push_str(&header);
    for line in hunk {
        let (mark, content) = match line {
            Line::Same(content) => (' ', content),
            Line::Old(content) => ('-', content),
            Line::New(content) => ('+', content),
        };
        text.push(mark);
        text.push_str(content);
        text.push('\n');
    }
}

/// The lines in common at both ends are the same; between them the longest common subsequence is.
fn compare<'a>(old: &'a [String], new: &'a [String]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - start;
    let end = (old.iter().rev().zip(new.iter().rev()))
        .take(most)
        .take_while(|(a, b)| a == b)
        .count();
    let mut lines: Vec<Line<'a>> = old[..start].iter().map(|line| Line::Same(line)).collect();
    middle(
        &old[start..old.len() - end],
        &new[start..new.len() - end],
        &mut lines,
    );
    lines.extend(old[old.len() - end..].iter().map(|line| Line::Same(line)));
    lines
}

fn middle<'a>(old: &'a [String], new: &'a [String], lines: &mut Vec<Line<'a>>) {
    let longest = common_lengths(old, new);
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(&old[i]));
            i += 1;
            j += 1;
        } else if i < old.len() && (j == new.len() || longest[i + 1][j] >= longest[i][j + 1]) {
            lines.push(Line::Old(&old[i]));
            i += 1;
        } else {
            lines.push(Line::New(&new[j]));
            j += 1;
        }
    }
}

/// `result[i][j]` is the length of the longest common subsequence of `old[i..]` and `new[j..]`.
fn common_lengths(old: &[String], new: &[String]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] = if old[i] == new[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let (old, new) = (lines("a b c d e f g h i"), lines("a b c d X f g h i"));
        assert_eq!(
            unified(&old, &new),
            "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n"
        );
        assert_eq!(unified(&old, &old), "");
    }

    #[test]
    fn removed_lines_shift_the_numbers_of_the_new_side() {
        let (old, new) = (
            lines("1 2 3 4 x y z 5 6 7 8 9 a b c d e f"),
            lines("1 2 3 4 5 6 7 8 9 a b c D e f"),
        );
        let expected = "@@ -2,9 +2,6 @@\n 2\n 3\n 4\n-x\n-y\n-z\n 5\n 6\n 7\n@@ -13,6 +10,6 @@\n a\n b\n c\n-d\n+D\n e\n f\n";
        assert_eq!(unified(&old, &new), expected);
    }
}
