//! A requisition's keys and values with their places, from TOML or JSON.

use toml::de::{DeTable, DeValue};

use crate::mapping::place::{Problems, SourceFile};
use crate::model::json::{self, Value};

/// A key with its value. Rows and columns count from 1, columns in characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// `patient.identifier`.
    pub(super) path: String,
    pub(super) value: String,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) key_row: usize,
    pub(super) key_column: usize,
}

/// Reads the file's entries in the order of the text.
pub(super) fn read(file: &SourceFile, problems: &mut Problems) -> Vec<Entry> {
    let text = match std::str::from_utf8(&file.bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(e) => {
            let before = file.bytes.get(..e.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            let (row, column) = place(before, before.len());
            problems.refuse(&file.name, row, column, "here is a byte that is not UTF-8; save the requisition in UTF-8");
            return Vec::new();
        }
    };
    let mut reader = Reader { text, file, problems, entries: Vec::new() };
    if text.trim_start().starts_with('{') {
        reader.json()
    } else {
        reader.toml()
    }
    let mut entries = reader.entries;
    entries.sort_by_key(|entry| (entry.key_row, entry.key_column));
    entries
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

struct Reader<'a> {
    text: &'a str,
    file: &'a SourceFile,
    problems: &'a mut Problems,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn refuse(&mut self, at: usize, message: &str) {
        let (row, column) = place(self.text, at);
        self.problems.refuse(&self.file.name, row, column, message);
    }

    fn add(&mut self, path: &str, key_at: usize, value: String, at: usize) {
        let ((row, column), (key_row, key_column)) = (place(self.text, at), place(self.text, key_at));
        if value.trim().is_empty() {
            self.refuse(at, &format!("'{path}' is empty; leave the key out if there is nothing to tell"));
        } else if value.chars().any(char::is_control) {
            self.refuse(at, &format!("'{path}' holds a control character"));
        } else {
            self.entries.push(Entry { path: path.to_owned(), value, row, column, key_row, key_column });
        }
    }

    fn toml(&mut self) {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(e) => {
                let at = e.span().map_or(0, |span| span.start);
                self.refuse(at, &format!("the requisition is not TOML: {}", e.message()));
                return;
            }
        };
        self.toml_table("", table.get_ref());
    }

    fn toml_table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            let (key_at, at) = (key.span().start, value.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => self.toml_table(&format!("{path}."), inner),
                DeValue::String(text) => self.add(&path, key_at, text.to_string(), at + 1),
                DeValue::Datetime(moment) => self.add(&path, key_at, moment.to_string(), at),
                _ => self.refuse(at, &format!("the value of '{path}' should be text in quotation marks")),
            }
        }
    }

    fn json(&mut self) {
        match json::read(self.text) {
            Ok(value) => self.json_object("", &value),
            Err(e) => self.refuse(e.at, &format!("the requisition is not JSON: {}", e.message)),
        }
    }

    fn json_object(&mut self, prefix: &str, object: &json::Json) {
        for member in object.members() {
            let path = format!("{prefix}{}", member.name);
            match &member.value.value {
                Value::Object(_) => self.json_object(&format!("{path}."), &member.value),
                Value::String(text) => self.add(&path, member.at, text.clone(), member.value.at + 1),
                _ => self.refuse(member.value.at, &format!("the value of '{path}' should be text in quotation marks")),
            }
        }
    }
}
