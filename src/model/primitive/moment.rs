//! Dates and times of any precision as the interval of moments that they stand for.
//!
//! `2018-06` stands for all of June 2018. Without a time zone, UTC is assumed, as the search page of R4 says.
//! Source: <https://hl7.org/fhir/R4/datatypes.html#dateTime>, <https://hl7.org/fhir/R4/search.html#date>.

use crate::base::clock;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A half-open interval of moments, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// First moment inside.
    pub start: i64,
    /// First moment after.
    pub end: i64,
}

/// Reads a `date`: year, month or day.
#[must_use]
pub fn date(text: &str) -> Option<Interval> {
    let mut reader = Reader { rest: text.as_bytes() };
    let interval = reader.date()?;
    reader.rest.is_empty().then_some(interval)
}

/// Reads a `dateTime`: a date, or a date and a time with seconds and a time zone.
#[must_use]
pub fn date_time(text: &str) -> Option<Interval> {
    match text.split_once('T') {
        None => date(text),
        Some(_) => instant(text),
    }
}

/// Reads an `instant`: date, time with seconds, time zone.
#[must_use]
pub fn instant(text: &str) -> Option<Interval> {
    let mut reader = Reader { rest: text.as_bytes() };
    let interval = reader.day_and_time(true)?;
    reader.rest.is_empty().then_some(interval)
}

/// Reads the value of a date search parameter: like `dateTime`, but seconds and time zone may be left out.
#[must_use]
pub fn search_value(text: &str) -> Option<Interval> {
    if !text.contains('T') {
        return date(text);
    }
    let mut reader = Reader { rest: text.as_bytes() };
    let interval = reader.day_and_time(false)?;
    reader.rest.is_empty().then_some(interval)
}

/// Reads a `time` as microseconds since midnight.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    let mut reader = Reader { rest: text.as_bytes() };
    let (start, _) = reader.time(true)?;
    reader.rest.is_empty().then_some(start)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let mut value = 0;
        for b in digits {
            value = value * 10 + i64::from(b.is_ascii_digit().then(|| b - b'0')?);
        }
        self.rest = rest;
        Some(value)
    }

    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn date(&mut self) -> Option<Interval> {
        let year = self.digits(4).filter(|year| *year > 0)?;
        let span = |from: i64, to: i64| Some(Interval { start: from.checked_mul(DAY)?, end: to.checked_mul(DAY)? });
        if !self.eat(b'-') {
            return span(clock::days(year, 1, 1), clock::days(year + 1, 1, 1));
        }
        let month = u32::try_from(self.digits(2)?).ok().filter(|month| (1..=12).contains(month))?;
        let first = clock::days(year, month, 1);
        let next = if month == 12 { clock::days(year + 1, 1, 1) } else { clock::days(year, month + 1, 1) };
        if !self.eat(b'-') {
            return span(first, next);
        }
        let day = self.digits(2).filter(|day| *day >= 1 && first + day - 1 < next)?;
        span(first + day - 1, first + day)
    }

    fn day_and_time(&mut self, complete: bool) -> Option<Interval> {
        let length = self.rest.len();
        let day = self.date()?;
        if length - self.rest.len() != 10 || !self.eat(b'T') {
            return None;
        }
        let (start, width) = self.time(complete)?;
        let offset = match self.rest.first() {
            Some(b'Z') => {
                self.eat(b'Z');
                0
            }
            // A space is what a '+' becomes when a client forgets to encode it in a URL.
            Some(sign @ (b'+' | b'-' | b' ')) => {
                let sign = if *sign == b'-' { -1 } else { 1 };
                self.rest = self.rest.get(1..)?;
                let hours = self.digits(2).filter(|h| *h <= 14)?;
                let minutes = if self.eat(b':') { self.digits(2).filter(|m| *m < 60)? } else { return None };
                sign * (hours * 60 + minutes) * 60 * SECOND
            }
            None if !complete => 0,
            _ => return None,
        };
        let start = day.start.checked_add(start)?.checked_sub(offset)?;
        Some(Interval { start, end: start.checked_add(width)? })
    }

    /// A time of day and the width of what it stands for, in microseconds.
    fn time(&mut self, seconds_needed: bool) -> Option<(i64, i64)> {
        let hours = self.digits(2).filter(|h| *h < 24)?;
        let minutes = if self.eat(b':') { self.digits(2).filter(|m| *m < 60)? } else { return None };
        let start = (hours * 60 + minutes) * 60 * SECOND;
        if !self.eat(b':') {
            return (!seconds_needed).then_some((start, 60 * SECOND));
        }
        let seconds = self.digits(2).filter(|s| *s <= 60)?;
        // 60 is a leap second: it belongs to the minute that it ends, of which our count has only 60 seconds.
        let leap = (seconds == 60).then_some((start + 60 * SECOND - 1, 1));
        let start = start + seconds * SECOND;
        if !self.eat(b'.') {
            return Some(leap.unwrap_or((start, SECOND)));
        }
        let (mut fraction, mut width, mut count) = (0, SECOND, 0);
        while let Some(b) = self.rest.first().filter(|b| b.is_ascii_digit()) {
            // Digits past the microsecond are legal and cannot be told apart by our index.
            if width > 1 {
                width /= 10;
                fraction += i64::from(b - b'0') * width;
            }
            count += 1;
            self.rest = self.rest.get(1..)?;
        }
        (count > 0).then_some(leap.unwrap_or((start + fraction, width)))
    }
}
