//! Tab-separated text as rows of cells that know their place.
//!
//! Strict: bytes that are not UTF-8, NULs, control characters and lone carriage returns are refused, since they show
//! that a program on the way has damaged the file. Nothing is trimmed.

use crate::mapping::ledger::{Account, FieldId};
use crate::mapping::place::{Problems, SourceFile};

/// A cell that holds something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// From 1.
    pub(crate) row: usize,
    /// From 1.
    pub(crate) column: usize,
    pub(crate) field: FieldId,
}

/// A row: as many places as the line has, `None` where a cell is empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) cells: Vec<Option<Cell>>,
}

impl Row {
    /// The cell at an index from 0.
    pub(crate) fn cell(&self, index: usize) -> Option<&Cell> {
        self.cells.get(index)?.as_ref()
    }

    /// The cells that hold something.
    pub(crate) fn filled(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().flatten()
    }

    /// The only cell that holds something, if there is just one and it is the first.
    pub(crate) fn only(&self) -> Option<&Cell> {
        let first = self.cell(0)?;
        (self.filled().count() == 1).then_some(first)
    }

    /// Whether no cell holds anything.
    pub(crate) fn is_blank(&self) -> bool {
        self.filled().next().is_none()
    }
}

/// All rows of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sheet {
    pub(crate) rows: Vec<Row>,
    /// Whether the last line ends as lines do.
    pub(crate) ends_with_line_break: bool,
}

/// The file that is being read, and where to note its fields and faults.
pub(crate) struct Input<'a> {
    /// Number of the file among the inputs.
    pub(crate) index: usize,
    pub(crate) file: &'a SourceFile,
    pub(crate) account: &'a mut Account,
    pub(crate) problems: &'a mut Problems,
}

impl Input<'_> {
    pub(crate) fn refuse(&mut self, cell: &Cell, message: impl Into<String>) {
        self.problems.refuse(&self.file.name, cell.row, cell.column, message);
    }

    pub(crate) fn refuse_at(&mut self, row: usize, column: usize, message: impl Into<String>) {
        self.problems.refuse(&self.file.name, row, column, message);
    }

    pub(crate) fn warn(&mut self, cell: &Cell, message: impl Into<String>) {
        self.problems.warn(&self.file.name, cell.row, cell.column, message);
    }
}

/// Reads a file as rows and enters its fields in the account; `None` if it is not text.
pub(crate) fn read(input: &mut Input<'_>) -> Option<Sheet> {
    let text = match text(&input.file.bytes) {
        Ok(text) => text,
        Err(fault) => {
            input.refuse_at(fault.row, fault.column, fault.message);
            return None;
        }
    };
    if text.trim().is_empty() {
        input.refuse_at(1, 1, "the file is empty");
        return None;
    }
    let mut rows = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let cells = line
            .split('\t')
            .zip(1..)
            .map(|(text, column)| {
                let field = (!text.is_empty()).then(|| input.account.enter(input.index, input.file.title(), number, column, text))?;
                Some(Cell { text: text.to_owned(), row: number, column, field })
            })
            .collect();
        rows.push(Row { number, cells });
    }
    Some(Sheet { rows, ends_with_line_break: text.ends_with('\n') })
}

struct Fault {
    row: usize,
    column: usize,
    message: &'static str,
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    let place = |bytes: &[u8]| {
        let line_start = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let row = bytes.iter().filter(|b| **b == b'\n').count() + 1;
        let column = bytes.iter().skip(line_start).filter(|b| **b == b'\t').count() + 1;
        (row, column)
    };
    let fault = |before: &[u8], message| {
        let (row, column) = place(before);
        Fault { row, column, message }
    };
    let before = |at: usize| bytes.get(..at).unwrap_or_default();
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(fault(
            &[],
            "the file is written in UTF-16, as spreadsheets save \"Unicode text\"; give the file that the pipeline wrote, in UTF-8",
        ));
    }
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err(fault(before(at), "here is a NUL byte: the file is binary, UTF-16 or damaged; give the file that the pipeline wrote"));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        fault(
            before(e.valid_up_to()),
            "here is a byte that is not UTF-8, as in files saved in Latin-1 or Windows-1252; give the file that the pipeline wrote",
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let message = match c {
            '\n' | '\t' => continue,
            '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => continue,
            '\r' => "here is a carriage return without line feed; give the file that the pipeline wrote",
            '\u{fffd}' => {
                "here is a replacement character: a program on the way could not read the file; give the file that the pipeline wrote"
            }
            c if c.is_control() => "here is a control character; give the file that the pipeline wrote",
            _ => continue,
        };
        return Err(fault(text.as_bytes().get(..at).unwrap_or_default(), message));
    }
    Ok(text)
}
