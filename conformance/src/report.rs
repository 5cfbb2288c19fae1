//! The report that a person reads.
//!
//! Its last line is always `N passed, N failed, N skipped`, for scripts.

use std::io::{self, Write};

use crate::run::{Outcome, Verdict};
use crate::suites::Chosen;

/// How many cases came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases that held.
    pub passed: usize,
    /// Cases that did not.
    pub failed: usize,
    /// Cases that were not tried.
    pub skipped: usize,
}

impl Summary {
    /// Counts outcomes.
    pub fn of<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Self {
        let mut summary = Self::default();
        for outcome in outcomes {
            match outcome.verdict {
                Verdict::Passed => summary.passed += 1,
                Verdict::Failed(_) => summary.failed += 1,
                Verdict::Skipped(_) => summary.skipped += 1,
            }
        }
        summary
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Writes the report.
///
/// # Errors
/// If it cannot be written.
pub fn report(out: &mut dyn Write, base: &str, outcomes: &[Outcome], verbose: bool) -> io::Result<()> {
    writeln!(out, "Conformance of {base}")?;
    for group in outcomes.chunk_by(|one, other| one.suite == other.suite) {
        let suite = group.first().map_or("", |outcome| outcome.suite.as_str());
        writeln!(out, "\n{suite}")?;
        for outcome in group {
            line(out, outcome, verbose)?;
        }
    }
    writeln!(out, "\n{}", Summary::of(outcomes))
}

fn line(out: &mut dyn Write, outcome: &Outcome, verbose: bool) -> io::Result<()> {
    match &outcome.verdict {
        Verdict::Passed => writeln!(out, "  pass  {}  ({} ms)", outcome.name, outcome.took.as_millis()),
        Verdict::Skipped(reason) => writeln!(out, "  skip  {}\n        {reason}", outcome.name),
        Verdict::Failed(failure) => {
            writeln!(out, "  FAIL  {}  ({} ms)", outcome.name, outcome.took.as_millis())?;
            writeln!(out, "        {}.toml, case {}, {}: {}", outcome.suite, outcome.number, failure.place, failure.request)?;
            for wrong in &failure.wrong {
                writeln!(out, "          {wrong}")?;
            }
            writeln!(out, "        rule: {}", outcome.spec)?;
            if verbose {
                for line in failure.transcript.lines() {
                    writeln!(out, "        {line}")?;
                }
            }
            Ok(())
        }
    }
}

/// Writes the names of the chosen cases.
///
/// # Errors
/// If it cannot be written.
pub fn list(out: &mut dyn Write, chosen: &[Chosen]) -> io::Result<()> {
    for group in chosen.chunk_by(|one, other| one.suite == other.suite) {
        if let Some(first) = group.first() {
            writeln!(out, "{}: {}", first.suite, first.about)?;
        }
        for chosen in group {
            writeln!(out, "  {}", chosen.case.name)?;
        }
    }
    writeln!(out, "\n{} cases", chosen.len())
}
