//! Tables and figures as Markdown shows them.

/// A table whose columns are padded, so that it can be read as it is.
pub(crate) fn markdown(columns: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = [""]
        .iter()
        .chain(columns)
        .map(|name| (*name).to_owned())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
            .max(3)
    };
    let line = |row: &[String]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let padding = " ".repeat(width(column).saturating_sub(cell.chars().count()));
            if column == 0 {
                format!(" {cell}{padding} ")
            } else {
                format!(" {padding}{cell} ")
            }
        });
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let rule = (0..head.len()).map(|column| match column {
        0 => format!(" {} ", "-".repeat(width(0))),
        _ => format!(" {}: ", "-".repeat(width(column) - 1)),
    });
    let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// Three significant digits, but no more than two behind the point.
pub(crate) fn significant(value: f64) -> String {
    match value.abs() {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// How many times as much, if it was measured.
pub(crate) fn times(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{}×", significant(ratio)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_padded_markdown() {
        let rows = [
            vec!["`a`".to_owned(), "1".to_owned()],
            vec!["`bcd`".to_owned(), "200.5".to_owned()],
        ];
        assert_eq!(
            markdown(&["time"], &rows),
            "|       |  time |\n| ----- | ----: |\n| `a`   |     1 |\n| `bcd` | 200.5 |\n"
        );
    }

    #[test]
    fn three_digits() {
        assert_eq!(
            [1234.5, 123.45, 12.345, 1.2345].map(significant),
            ["1234", "123", "12.3", "1.23"]
        );
    }
}
