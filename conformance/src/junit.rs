//! The report that a build server reads: JUnit XML, one `testsuite` per case file.

use std::fmt::Write as _;
use std::time::Duration;

use crate::report::Summary;
use crate::run::{Outcome, Verdict};

/// The whole document.
#[must_use]
pub fn document(outcomes: &[Outcome]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(xml, "<testsuites name=\"conformance\" {}>", counts(outcomes));
    for group in outcomes.chunk_by(|one, other| one.suite == other.suite) {
        let suite = group.first().map_or("", |outcome| outcome.suite.as_str());
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {}>", escape(suite), counts(group));
        for outcome in group {
            test_case(&mut xml, outcome);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts(outcomes: &[Outcome]) -> String {
    let summary = Summary::of(outcomes);
    let took: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\"",
        outcomes.len(),
        summary.failed,
        summary.skipped,
        took.as_secs_f64()
    )
}

fn test_case(xml: &mut String, outcome: &Outcome) {
    let class = outcome.suite.replace('/', ".");
    let _ = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(&class),
        escape(&outcome.name),
        outcome.took.as_secs_f64()
    );
    match &outcome.verdict {
        Verdict::Passed => xml.push_str("/>\n"),
        Verdict::Skipped(reason) => {
            let _ = writeln!(xml, "><skipped message=\"{}\"/></testcase>", escape(reason));
        }
        Verdict::Failed(failure) => {
            let message = failure.wrong.first().map_or("", String::as_str);
            let text = format!(
                "{}.toml, case {}, {}: {}\n{}\nrule: {}\n\n{}",
                outcome.suite,
                outcome.number,
                failure.place,
                failure.request,
                failure.wrong.join("\n"),
                outcome.spec,
                failure.transcript
            );
            let _ = writeln!(xml, ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>", escape(message), escape(&text));
        }
    }
}

/// Text as XML 1.0 can hold it, in attributes as in elements; control characters cannot be told at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
