//! Files and places in them, and what is wrong there.

use std::fmt;

/// A file as it was given: its name for people, its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// Name by which messages and the ledger call it.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// The last part of the name: directories of a laboratory's machine belong in no report.
    pub(crate) fn title(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }
}

/// Something that is wrong or odd, where, and what to do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// Name of the file.
    pub file: String,
    /// Row, from 1; 0 if it is about the file as a whole.
    pub row: usize,
    /// Column, from 1: the cell of a table, the character of a requisition; 0 if it is about the row or file.
    pub column: usize,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.row, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.message),
            (row, 0) => write!(f, "{}: row {row}: {}", self.file, self.message),
            (row, column) => write!(f, "{}: row {row}, column {column}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for Refusal {}

/// What was found wrong so far. Reading goes on after an error, so that one run tells all.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) warnings: Vec<Refusal>,
}

impl Problems {
    /// Notes an error.
    pub(crate) fn refuse(&mut self, file: &str, row: usize, column: usize, message: impl Into<String>) {
        self.refusals.push(Refusal { file: file.to_owned(), row, column, message: message.into() });
    }

    /// Notes something to look at.
    pub(crate) fn warn(&mut self, file: &str, row: usize, column: usize, message: impl Into<String>) {
        self.warnings.push(Refusal { file: file.to_owned(), row, column, message: message.into() });
    }

    /// The errors; there is always one where nothing came out.
    pub(crate) fn into_refusals(mut self) -> Vec<Refusal> {
        if self.refusals.is_empty() {
            self.refuse("input", 0, 0, "no file to convert was given; name a CombinedVariantOutput.tsv");
        }
        self.refusals
    }
}
