//! Dates as intervals of time, of the width that their precision implies.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#date>. Times are microseconds since 1970-01-01T00:00Z; without a time zone
//! UTC is taken; the end of an interval is not part of it. A leap second is the last moment of the second before it: of the
//! same minute and day.

use serde_json::Value;

/// Before every date.
const EVER: i64 = i64::MIN / 4;
/// After every date.
const ALWAYS: i64 = i64::MAX / 4;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// From `low` to `high`, which itself is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First moment.
    pub(super) low: i64,
    /// The moment after the last.
    pub(super) high: i64,
}

/// Days from 1970-01-01 to the first day of a month.
fn days(year: i64, month: i64) -> i64 {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let months = usize::try_from(month - 1).ok().and_then(|index| before.get(index)).copied().unwrap_or(365);
    let last = year - 1;
    let years = 365 * last + last / 4 - last / 100 + last / 400 - 719_162;
    years + months + i64::from(leap(year) && month > 2)
}

/// The interval of a date as it was written, `2020`, `2020-02`, `2020-02-29T09:30+01:00`; nothing if it is none.
#[must_use]
pub(super) fn parse(text: &str) -> Option<Span> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (low, high) = match parts.as_slice() {
        [year] => (days(*year, 1), days(year + 1, 1)),
        [year, 12] => (days(*year, 12), days(year + 1, 1)),
        [year, month] => (days(*year, *month), days(*year, month + 1)),
        [year, month, day] => (days(*year, *month) + day - 1, days(*year, *month) + day),
        _ => return None,
    };
    let Some(time) = time else { return Some(Span { low: low * DAY, high: high * DAY }) };
    let (clock, shift) = zone(time)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (start, width) = match parts.as_slice() {
        [hour, minute] => ((hour * 60 + minute) * 60 * SECOND, 60 * SECOND),
        [hour, minute, second] => {
            let width = 10i64.checked_pow(6u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
            if *second == 60 {
                (((hour * 60 + minute) * 60 + 60) * SECOND - 1, 1)
            } else {
                let part = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()? * width };
                ((((hour * 60) + minute) * 60 + second) * SECOND + part, width)
            }
        }
        _ => return None,
    };
    let low = low * DAY + start - shift;
    Some(Span { low, high: low + width })
}

/// Splits the time zone off a time and gives how far it is ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at_checked(at)?;
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let shift = (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * 60 * SECOND;
    Some((clock, if zone.starts_with('-') { -shift } else { shift }))
}

/// The interval of a stored element: a date, a Period, or the outer limits of a Timing.
#[must_use]
pub(super) fn of(element: &Value) -> Option<Span> {
    if let Some(text) = element.as_str() {
        return parse(text);
    }
    let member = |name: &str| element.get(name).and_then(Value::as_str).and_then(parse);
    let (start, end) = (member("start"), member("end"));
    if start.is_some() || end.is_some() {
        return Some(Span { low: start.map_or(EVER, |span| span.low), high: end.map_or(ALWAYS, |span| span.high) });
    }
    let bounds = element.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).and_then(of);
    let events = element.get("event").and_then(Value::as_array).into_iter().flatten().filter_map(of);
    bounds.into_iter().chain(events).reduce(|one, other| Span { low: one.low.min(other.low), high: one.high.max(other.high) })
}

/// Whether a stored interval is what was asked for by `prefix` and `asked`.
#[must_use]
pub(super) fn compares(stored: Span, prefix: &str, asked: Span) -> bool {
    let equal = stored.low >= asked.low && stored.high <= asked.high;
    let (above, below) = (stored.high > asked.high, stored.low < asked.low);
    match prefix {
        "ne" => !equal,
        "gt" => above,
        "lt" => below,
        "ge" => above || equal,
        "le" => below || equal,
        "sa" => stored.low >= asked.high,
        "eb" => stored.high <= asked.low,
        "ap" => {
            let around = DAY.max((asked.high - asked.low) / 10);
            stored.low < asked.high + around && stored.high > asked.low - around
        }
        _ => equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn precision_gives_the_width() {
        let check = |text: &str, low: &str, high: &str| {
            assert_eq!(parse(text).unwrap(), Span { low: parse(low).unwrap().low, high: parse(high).unwrap().low }, "{text}");
        };
        check("2020", "2020-01-01", "2021-01-01");
        check("2020-02", "2020-02-01", "2020-03-01");
        check("2019-12", "2019-12-01", "2020-01-01");
        check("2020-02-29", "2020-02-29T00:00:00Z", "2020-03-01T00:00:00Z");
        check("2020-02-29T09:30", "2020-02-29T09:30:00Z", "2020-02-29T09:31:00Z");
        check("2020-02-29T09:30:00.1Z", "2020-02-29T09:30:00.100Z", "2020-02-29T09:30:00.200Z");
        check("2020-02-29T23:30:00-05:00", "2020-03-01T04:30:00Z", "2020-03-01T04:30:01Z");
        check("2020-03-01T01:00:00+02:00", "2020-02-29T23:00:00Z", "2020-02-29T23:00:01Z");
        assert_eq!(parse("1970-01-01").unwrap().low, 0);
        assert_eq!(parse("2000-03-01").unwrap().low, 951_868_800 * SECOND);
        assert_eq!(parse("yesterday"), None);
        let within = |part: &str, whole: &str| compares(parse(part).unwrap(), "eq", parse(whole).unwrap());
        for leap in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"] {
            assert!(within(leap, "2016-12-31") && within(leap, "2016-12-31T23:59Z") && !within(leap, "2017-01-01"), "{leap}");
        }
    }

    #[test]
    fn prefixes_compare_intervals() {
        let stored = [
            ("year", json!("2013")),
            ("day", json!("2013-03-14")),
            ("after", json!("2013-03-15")),
            ("long", json!({"start": "2013-03-10", "end": "2013-03-20"})),
            ("from", json!({"start": "2013-03-15"})),
            ("until", json!({"end": "2013-03-13"})),
            ("events", json!({"event": ["2013-03-13", "2013-03-15"]})),
        ];
        let check = |prefix: &str, expected: &str| {
            let asked = parse("2013-03-14").unwrap();
            let found: Vec<&str> =
                stored.iter().filter(|(_, value)| compares(of(value).unwrap(), prefix, asked)).map(|(name, _)| *name).collect();
            assert_eq!(found.join(" "), expected, "{prefix}");
        };
        check("eq", "day");
        check("ne", "year after long from until events");
        check("gt", "year after long from events");
        check("lt", "year long until events");
        check("ge", "year day after long from events");
        check("le", "year day long until events");
        check("sa", "after from");
        check("eb", "until");
        check("ap", "year day after long from until events");
    }
}
