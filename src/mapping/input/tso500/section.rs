//! Sections, and the two shapes of what they hold: keys with a value, and tables.

use crate::mapping::input::table::{Cell, Input, Row, Sheet};

/// A section: its heading and its rows that are not blank.
#[derive(Debug)]
pub(super) struct Section<'s> {
    pub(super) heading: &'s Cell,
    pub(super) name: &'s str,
    pub(super) rows: Vec<&'s Row>,
}

/// The rows before the first section, and the sections. A section that comes twice is refused.
pub(super) fn split<'s>(sheet: &'s Sheet, input: &mut Input<'_>) -> (Vec<&'s Row>, Vec<Section<'s>>) {
    let (mut preamble, mut sections) = (Vec::new(), Vec::<Section<'s>>::new());
    for row in sheet.rows.iter().filter(|row| !row.is_blank()) {
        let heading = row.cell(0).filter(|cell| cell.text.starts_with('['));
        match heading {
            Some(heading) => {
                let name = heading.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
                let (Some(name), Some(_)) = (name, row.only()) else {
                    input.refuse(heading, "a section heading is a name in square brackets, alone in its row; the file is damaged here");
                    continue;
                };
                if let Some(first) = sections.iter().find(|section| section.name == name) {
                    let message =
                        format!("the section [{name}] stands here again, after row {}; two files may have been joined", first.heading.row);
                    input.refuse(heading, message);
                }
                sections.push(Section { heading, name, rows: Vec::new() });
            }
            None => match sections.last_mut() {
                Some(section) => section.rows.push(row),
                None => preamble.push(row),
            },
        }
    }
    (preamble, sections)
}

impl<'s> Section<'s> {
    /// The cell `NA` of a section that holds nothing else.
    pub(super) fn nothing(&self) -> Option<&'s Cell> {
        match self.rows.as_slice() {
            [row] => row.only().filter(|cell| cell.text == "NA"),
            _ => None,
        }
    }

    /// The section as keys and values. Each value cell is named after its key in the ledger.
    pub(super) fn pairs(&self, input: &mut Input<'_>) -> Vec<(&'s Cell, Option<&'s Cell>)> {
        let mut pairs: Vec<(&'s Cell, Option<&'s Cell>)> = Vec::new();
        if self.nothing().is_some() {
            return pairs;
        }
        for row in &self.rows {
            let Some(key) = row.cell(0) else {
                input.refuse_at(row.number, 1, format!("a key of [{}] is missing here", self.name));
                continue;
            };
            if let Some(third) = row.cells.iter().skip(2).flatten().next() {
                input.refuse(third, format!("[{}] has a key and one value in a row; this cell is too much", self.name));
            }
            if row.cells.len() < 2 {
                input.refuse_at(row.number, 2, format!("the value of '{}' is missing: the file is cut off or damaged", key.text));
            }
            if pairs.iter().any(|(known, _)| known.text == key.text) {
                input.refuse(key, format!("'{}' stands here again in [{}]", key.text, self.name));
            }
            if let Some(value) = row.cell(1) {
                input.account.name(value.field, &key.text);
            }
            pairs.push((key, row.cell(1)));
        }
        pairs
    }

    /// The section as a table whose headings hold at least those expected.
    pub(super) fn table(&self, expected: &[&str], input: &mut Input<'_>) -> Option<Table<'s>> {
        if let Some(nothing) = self.nothing() {
            return Some(Table { name: self.name, columns: Vec::new(), rows: Vec::new(), nothing: vec![nothing] });
        }
        let Some((head, rows)) = self.rows.split_first() else {
            input.refuse(self.heading, format!("[{}] has no row of column headings: the file is cut off or damaged", self.name));
            return None;
        };
        let columns: Vec<(usize, &'s Cell)> = head.cells.iter().enumerate().filter_map(|(i, cell)| Some((i, cell.as_ref()?))).collect();
        let mut good = true;
        for (at, (index, cell)) in columns.iter().enumerate() {
            if *index != at {
                input.refuse_at(head.number, at + 1, format!("a column heading of [{}] is missing here", self.name));
                return None;
            }
            if columns.iter().take(at).any(|(_, known)| known.text == cell.text) {
                input.refuse(cell, format!("the column '{}' stands here again", cell.text));
                good = false;
            }
        }
        for wanted in expected {
            if !columns.iter().any(|(_, cell)| cell.text == *wanted) {
                input.refuse_at(
                    head.number,
                    columns.len() + 1,
                    format!("[{}] has no column '{wanted}': the file is cut off or of another version", self.name),
                );
                good = false;
            }
        }
        let (nothing, rows): (Vec<&'s Row>, Vec<&'s Row>) = rows.iter().partition(|row| row.only().is_some_and(|cell| cell.text == "NA"));
        let nothing: Vec<&'s Cell> = nothing.into_iter().filter_map(Row::only).collect();
        if let (Some(cell), false) = (nothing.first(), rows.is_empty()) {
            input.refuse(cell, format!("NA says that [{}] is empty, but it is not", self.name));
        }
        for cell in &nothing {
            input.account.name(cell.field, self.name);
        }
        good.then_some(Table { name: self.name, columns, rows, nothing })
    }
}

/// A table: columns that know their index, and rows.
#[derive(Debug)]
pub(super) struct Table<'s> {
    pub(super) name: &'s str,
    pub(super) columns: Vec<(usize, &'s Cell)>,
    pub(super) rows: Vec<&'s Row>,
    /// The cells `NA` that say that there are no rows.
    pub(super) nothing: Vec<&'s Cell>,
}

impl<'s> Table<'s> {
    /// The cell of a row under a heading.
    pub(super) fn cell(&self, row: &'s Row, heading: &str) -> Option<&'s Cell> {
        let (index, _) = self.columns.iter().find(|(_, cell)| cell.text == heading)?;
        row.cell(*index)
    }

    /// The cell of a row under a heading; refuses the row if it is empty.
    pub(super) fn needed(&self, row: &'s Row, heading: &str, input: &mut Input<'_>) -> Option<&'s Cell> {
        let cell = self.cell(row, heading);
        if cell.is_none() {
            let column = self.columns.iter().find(|(_, cell)| cell.text == heading).map_or(0, |(index, _)| index + 1);
            input.refuse_at(row.number, column, format!("'{heading}' is empty; [{}] needs it in each row", self.name));
        }
        cell
    }

    /// Checks that a row has a cell under each heading and none beyond, and names its fields after the headings.
    pub(super) fn check(&self, row: &'s Row, input: &mut Input<'_>) -> bool {
        for cell in row.filled() {
            match self.columns.iter().find(|(index, _)| index + 1 == cell.column) {
                Some((_, heading)) => input.account.name(cell.field, &heading.text),
                None => {
                    input.refuse(cell, format!("[{}] has {} columns; this cell is too much", self.name, self.columns.len()));
                    return false;
                }
            }
        }
        if row.cells.len() < self.columns.len() {
            let message =
                format!("the row ends after {} of {} cells: the file is cut off here or damaged", row.cells.len(), self.columns.len());
            input.refuse_at(row.number, row.cells.len() + 1, message);
            return false;
        }
        true
    }

    /// Refuses a row that is the same as one before.
    pub(super) fn check_repeats(&self, input: &mut Input<'_>) {
        let texts = |row: &Row| {
            row.cells.iter().map(|cell| cell.as_ref().map(|cell| cell.text.clone())).take(self.columns.len()).collect::<Vec<_>>()
        };
        let mut seen = std::collections::HashMap::new();
        for row in &self.rows {
            if let Some(first) = seen.insert(texts(row), row.number) {
                input.refuse_at(row.number, 1, format!("the row is the same as row {first}; it may have been pasted twice"));
            }
        }
    }
}
