//! `results.md`: the tables as a Markdown document.

use super::{
    Collected,
    charts::Figure,
    table::{self, Side, Table},
};

pub fn document(collected: &Collected, figures: &[Figure]) -> String {
    let mut text = format!("# {}\n\n", plain(&collected.title));
    for fact in collected.facts() {
        text += &format!("{}\n", plain(&fact));
    }
    for notice in &collected.notices {
        text += &format!("\n> {}\n", plain(notice));
    }
    text += &format!("\n{}", rows(&table::summary(collected)));
    if !collected.cases.is_empty() {
        text += "\n";
        for (case, settings) in &collected.cases {
            let settings: Vec<String> =
                settings.iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
            let settings = if settings.is_empty() { "see below".into() } else { settings.join(", ") };
            text += &format!("- {}: {settings}\n", plain(case));
        }
    }
    for Figure { id, shown, read, .. } in figures {
        text += &format!("\n![{0}](plots/{id}.svg)\n\n{0} {1}\n", plain(shown), plain(read));
    }
    text += "\n<details><summary>Settings shared by all runs</summary>\n\n```toml\n";
    for (key, value) in &collected.shared {
        text += &format!("{key} = {value}\n");
    }
    text + "```\n\n</details>\n"
}

fn rows(table: &Table) -> String {
    let line =
        |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut table.heads.iter().map(|(head, _)| plain(head)));
    text += &line(&mut table.heads.iter().map(|(_, side)| match side {
        Side::Left => "---".to_owned(),
        Side::Right => "---:".to_owned(),
    }));
    for row in &table.rows {
        text += &line(&mut row.iter().map(|cell| plain(cell)));
    }
    text
}

/// The text on one line. Characters that Markdown would interpret in a table or a link are escaped.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '<' | '[' | '`' | '*' | '\\' => plain.extend(['\\', c]),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_row_is_one_line() {
        let table = Table {
            heads: vec![("case".into(), Side::Left), ("runs".into(), Side::Right)],
            rows: vec![vec!["a|b\n".into(), "3".into()]],
        };
        assert_eq!(rows(&table), "| case | runs |\n| --- | ---: |\n| a\\|b  | 3 |\n");
    }
}
