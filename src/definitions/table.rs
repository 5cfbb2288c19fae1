//! The form of the compiled tables: lines of tab-separated cells, made to be read in a diff.
//!
//! A line that begins with a tab belongs to the last line that does not: elements to their type, components to their parameter.
//! An empty cell is told as `-`, so that no line ends in invisible characters.

use std::str::Split;

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the table of {table}: {wrong}")]
pub struct BrokenTable {
    table: &'static str,
    line: usize,
    wrong: &'static str,
}

impl BrokenTable {
    /// The table has no line at all.
    #[must_use]
    pub fn empty(table: &'static str) -> Self {
        Self { table, line: 0, wrong: "it is empty" }
    }
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Whether it belongs to a line above.
    pub inner: bool,
    table: &'static str,
    number: usize,
    cells: &'static str,
}

/// The lines of `text`, the table of `table`.
pub fn lines(table: &'static str, text: &'static str) -> impl Iterator<Item = Line> {
    text.lines().zip(1..).map(move |(line, number)| {
        let inner = line.strip_prefix('\t');
        Line { inner: inner.is_some(), table, number, cells: inner.unwrap_or(line) }
    })
}

impl Line {
    /// Its first `N` cells; `-` reads as empty.
    ///
    /// # Errors
    /// When it has fewer.
    pub fn cells<const N: usize>(&self) -> Result<[&'static str; N], BrokenTable> {
        self.cells_and_rest().map(|(cells, _)| cells)
    }

    /// Its first `N` cells, `-` read as empty, and the cells after them as they are.
    ///
    /// # Errors
    /// When it has fewer than `N`.
    pub fn cells_and_rest<const N: usize>(&self) -> Result<([&'static str; N], Split<'static, char>), BrokenTable> {
        let mut rest = self.cells.split('\t');
        let mut cells = [""; N];
        for cell in &mut cells {
            let found = rest.next().ok_or_else(|| self.broken("a cell is missing"))?;
            *cell = if found == "-" { "" } else { found };
        }
        Ok((cells, rest))
    }

    /// Reads a cardinality: `0..1`, `1..*`.
    ///
    /// # Errors
    /// When it is none.
    pub fn cardinality(&self, cell: &str) -> Result<(u32, Option<u32>), BrokenTable> {
        let (min, max) = cell.split_once("..").ok_or_else(|| self.broken("a cardinality looks like 0..1"))?;
        let number = |text: &str| text.parse().map_err(|_| self.broken("a cardinality has two numbers, or * for the second"));
        Ok((number(min)?, if max == "*" { None } else { Some(number(max)?) }))
    }

    /// This line cannot be read: `wrong` says why.
    #[must_use]
    pub fn broken(&self, wrong: &'static str) -> BrokenTable {
        BrokenTable { table: self.table, line: self.number, wrong }
    }
}

/// A table being written.
#[derive(Debug, Default)]
pub struct Writer(String);

impl Writer {
    /// Adds a line.
    pub fn outer(&mut self, cells: &[&str]) {
        self.line(cells);
    }

    /// Adds a line that belongs to the last outer one.
    pub fn inner(&mut self, cells: &[&str]) {
        self.0.push('\t');
        self.line(cells);
    }

    fn line(&mut self, cells: &[&str]) {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.0.push('\t');
            }
            if cell.is_empty() {
                self.0.push('-');
            }
            // Facts are one-line texts; line breaks inside long expressions carry no meaning.
            self.0.extend(cell.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }));
        }
        self.0.push('\n');
    }

    /// The table.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}
