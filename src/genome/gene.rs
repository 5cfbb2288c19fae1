//! Gene symbols: how they are written, how spreadsheets destroy them, and their HGNC numbers.
//!
//! The table holds the genes of the TruSight Oncology 500 panel under the symbols that its software writes, old ones
//! included (`MLL`, `PARK2`), and a few frequent fusion partners. Numbers are HGNC's (<https://www.genenames.org>, CC0).

use std::collections::HashMap;
use std::sync::LazyLock;

static NUMBERS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut words = include_str!("genes.txt").split_ascii_whitespace();
    std::iter::from_fn(|| Some((words.next()?, words.next()?))).collect()
});

/// The HGNC identifier of a symbol, such as `HGNC:3236` for `EGFR`, if it is in the table.
#[must_use]
pub fn hgnc(symbol: &str) -> Option<String> {
    NUMBERS.get(symbol).map(|number| format!("HGNC:{number}"))
}

/// Whether a text is written as gene symbols and clone names are: `NKX2-1`, `C11orf30`, `AC016683.6`.
#[must_use]
pub fn is_symbol(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'@'))
        && !is_spreadsheet_date(text)
}

/// Month names as spreadsheets write them, in English and Norwegian.
const MONTHS: [&str; 26] = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "mai",
    "okt",
    "des",
    "januar",
    "februar",
    "mars",
    "april",
    "juni",
    "juli",
    "august",
    "september",
    "october",
    "desember",
];

/// Whether a text is what a spreadsheet makes of `SEPT2`, `MARCH1`, `DEC1` or `1/8`: a day and a month, or month and year.
#[must_use]
pub fn is_spreadsheet_date(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['-', '.', ' ', '/']).filter(|word| !word.is_empty()).collect();
    let (month, number) = (|word: &str| MONTHS.contains(&word), |word: &str| word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit()));
    match words.as_slice() {
        [a, b] => lower.len() > a.len() + b.len() && ((month(a) && number(b)) || (number(a) && month(b))),
        [a, b, c] => number(a) && number(c) && month(b),
        _ => false,
    }
}

/// The ways to take a gene pair such as `EML4-ALK` apart at a hyphen. Symbols hold hyphens themselves (`NKX2-1`), so there
/// may be several; if both sides are in the table for exactly one of them, only that one is told.
#[must_use]
pub fn split_pair(text: &str) -> Vec<(&str, &str)> {
    let splits: Vec<(&str, &str)> = text
        .match_indices('-')
        .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)))
        .filter(|(a, b)| a.split(';').all(is_symbol) && b.split(';').all(is_symbol))
        .collect();
    let known = |side: &str| side.split(';').any(|symbol| NUMBERS.contains_key(symbol));
    let sure: Vec<(&str, &str)> = splits.iter().copied().filter(|(a, b)| known(a) && known(b)).collect();
    if sure.len() == 1 { sure } else { splits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols() {
        for good in ["EGFR", "NKX2-1", "C11orf30", "AC016683.6", "HLA-A", "SEPT14", "MARCH1", "DEC1"] {
            assert!(is_symbol(good), "{good}");
        }
        for bad in ["", "1-Mar", "Mar-01", "01.mar", "2-Sep", "sep.02", "1-des-26", "44256", "E GFR", "EGFR\"", "#REF!", "\u{c6}"] {
            assert!(!is_symbol(bad), "{bad}");
        }
        assert_eq!(hgnc("EGFR").as_deref(), Some("HGNC:3236"));
        assert_eq!(hgnc("ZZZ1"), None);
        assert!(NUMBERS.len() > 520 && NUMBERS.values().all(|n| n.parse::<u32>().is_ok()));
    }

    #[test]
    fn pairs() {
        assert_eq!(split_pair("EML4-ALK"), [("EML4", "ALK")]);
        assert_eq!(split_pair("NKX2-1-ALK"), [("NKX2-1", "ALK")]);
        assert_eq!(split_pair("SLC34A2-ROS1;GOPC"), [("SLC34A2", "ROS1;GOPC")]);
        assert_eq!(split_pair("AAA-BB-CC").len(), 2);
        assert!(split_pair("EML4").is_empty());
    }
}
