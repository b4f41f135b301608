//! Columns of text, laid out as kubectl lays them out: three spaces between columns, headings in capitals.

use super::wrapping::pad;
use unicode_width::UnicodeWidthStr as _;

/// The spaces between two columns.
const GAP: usize = 3;

/// The lines of a table with its headings. The last column is not padded.
pub fn layout(headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| width(column, headings, rows))
        .collect();
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    std::iter::once(&headings)
        .chain(rows)
        .map(|row| line(row, &widths))
        .collect()
}

fn width(column: usize, headings: &[&str], rows: &[Vec<String>]) -> usize {
    let cells = rows
        .iter()
        .filter_map(|row| row.get(column))
        .map(|cell| cell.width());
    cells.chain([headings[column].width()]).max().unwrap_or(0)
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| pad(cell, width + GAP));
    cells.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["web".to_owned(), "0/1".to_owned()],
            vec!["準備".to_owned(), "1/1".to_owned()],
        ];
        assert_eq!(
            layout(&["NAME", "READY"], &rows),
            ["NAME   READY", "web    0/1", "準備   1/1"]
        );
    }
}
