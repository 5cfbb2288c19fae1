//! Numbers as pipelines write them, and what spreadsheets make of them.
//!
//! A damaged number is refused, never mended: the right value is not in the file any more (domain rule of InPreD's own
//! spreadsheets, in which decimal commas and points stand in one column).

use super::table::{Cell, Input};
use crate::genome::gene;
use crate::mapping::finding::{Measured, Number, Told};

/// What a column's numbers are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A count: digits only.
    Count,
    /// Zero or more, with decimals.
    Amount,
    /// A share of one: from 0 to 1.
    Share,
    /// A percentage: from 0 to 100.
    Percent,
    /// Any sign.
    Any,
}

/// Reads a number; refuses the cell if it is none.
pub(crate) fn read(cell: &Cell, kind: Kind, input: &mut Input<'_>) -> Option<Told<Number>> {
    match parse(&cell.text, kind) {
        Ok(number) => Some(Told { value: number, field: cell.field }),
        Err(reason) => {
            input.refuse(cell, format!("'{}' is not {}: {reason}", cell.text, wanted(kind)));
            None
        }
    }
}

/// Reads a number or `NA`.
pub(crate) fn read_measured(cell: &Cell, kind: Kind, input: &mut Input<'_>) -> Option<Measured> {
    if cell.text == "NA" {
        return Some(Told { value: None, field: cell.field });
    }
    read(cell, kind, input).map(|told| Told { value: Some(told.value), field: told.field })
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Count => "a whole number",
        Kind::Amount | Kind::Any => "a number",
        Kind::Share => "a share from 0 to 1",
        Kind::Percent => "a percentage from 0 to 100",
    }
}

fn parse(text: &str, kind: Kind) -> Result<Number, String> {
    let unsigned = if kind == Kind::Any { text.strip_prefix('-').unwrap_or(text) } else { text };
    let number = Number::new(text).filter(|_| !unsigned.starts_with('-')).ok_or_else(|| damage(text))?;
    if kind == Kind::Count && !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("it should have digits only; a spreadsheet may have rounded it".to_owned());
    }
    let limit = match kind {
        Kind::Share => "1",
        Kind::Percent => "100",
        _ => return Ok(number),
    };
    if number.is_above(limit) { Err(format!("it is above {limit}")) } else { Ok(number) }
}

/// What happened to a text that should be a number.
pub(crate) fn damage(text: &str) -> String {
    let digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let what = if text.contains(',') && digits(text) {
        "it has a decimal comma, as a spreadsheet with Norwegian settings writes"
    } else if text.starts_with('#') {
        "it is an error mark of a spreadsheet"
    } else if gene::is_spreadsheet_date(text) {
        "a spreadsheet has made a date of it"
    } else if text.contains('%') {
        "it has a percent sign"
    } else if text.starts_with('"') || text.ends_with('"') {
        "it stands in quotation marks, as a spreadsheet writes"
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        "it has white space around it"
    } else if text == "NA" {
        "a value is needed here"
    } else {
        "digits with a decimal point are needed"
    };
    format!("{what}; give the file that the pipeline wrote")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_damage_is_told() {
        let check = |text: &str, kind, good: bool| assert_eq!(parse(text, kind).is_ok(), good, "{text}");
        for good in ["0", "1", "0.0467", "275.60", "8.15E-05", "3e2"] {
            check(good, Kind::Amount, true);
            assert_eq!(parse(good, Kind::Amount).unwrap().text(), good);
        }
        for bad in [
            "", "NA", "0,0467", "1 234", "1.", ".5", "01", "+1", "-1", "1e", "#REF!", "1-Mar", " 1", "1\u{a0}", "\"1\"", "50%", "NaN",
            "inf", "0x1",
        ] {
            check(bad, Kind::Amount, false);
        }
        check("-1.5", Kind::Any, true);
        check("1.12E+08", Kind::Count, false);
        check("1.0", Kind::Count, false);
        check("1", Kind::Share, true);
        check("1.0001", Kind::Share, false);
        check("64.8", Kind::Percent, true);
        check("100.1", Kind::Percent, false);
        assert!(damage("0,5").contains("comma") && damage("1-Mar").contains("date"));
    }
}
