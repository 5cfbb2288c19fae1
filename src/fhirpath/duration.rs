//! Dates and times plus a time-valued quantity.
//!
//! Source: <http://hl7.org/fhirpath/N1/#datetime-arithmetic>: fractions of the amount are left out, and an amount finer than the date
//! counts as far as it makes whole units of the date.

use super::moment::{Moment, MomentKind, Precision, SECOND, next_month};
use super::number::{Cut, Number};
use crate::base::clock;

const DAY: i64 = 86_400 * SECOND;

/// A unit of time in the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CalendarUnit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// Their words for one and for several.
const WORDS: [(&str, &str, CalendarUnit); 8] = [
    ("year", "years", CalendarUnit::Year),
    ("month", "months", CalendarUnit::Month),
    ("week", "weeks", CalendarUnit::Week),
    ("day", "days", CalendarUnit::Day),
    ("hour", "hours", CalendarUnit::Hour),
    ("minute", "minutes", CalendarUnit::Minute),
    ("second", "seconds", CalendarUnit::Second),
    ("millisecond", "milliseconds", CalendarUnit::Millisecond),
];

impl CalendarUnit {
    /// The unit of a word, singular or plural.
    pub(super) fn named(word: &str) -> Option<Self> {
        WORDS.iter().find(|(one, many, _)| *one == word || *many == word).map(|(.., unit)| *unit)
    }

    /// Its word.
    pub(super) fn word(self, many: bool) -> &'static str {
        WORDS.iter().find(|(.., unit)| *unit == self).map_or("", |(one, several, _)| if many { several } else { one })
    }

    /// The unit of a code of UCUM whose length is that of the calendar; months and years of UCUM are not.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "wk" => Self::Week,
            "d" => Self::Day,
            "h" => Self::Hour,
            "min" => Self::Minute,
            "s" => Self::Second,
            "ms" => Self::Millisecond,
            _ => return None,
        })
    }

    /// The code of UCUM for the same length; a month or year of the calendar has none.
    pub(super) fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Year | Self::Month => return None,
            Self::Week => "wk",
            Self::Day => "d",
            Self::Hour => "h",
            Self::Minute => "min",
            Self::Second => "s",
            Self::Millisecond => "ms",
        })
    }

    fn microseconds(self) -> i64 {
        match self {
            Self::Year => 365 * DAY,
            Self::Month => 30 * DAY,
            Self::Week => 7 * DAY,
            Self::Day => DAY,
            Self::Hour => 3600 * SECOND,
            Self::Minute => 60 * SECOND,
            Self::Second => SECOND,
            Self::Millisecond => 1000,
        }
    }
}

impl Moment {
    /// So much later, or earlier; `None` outside of the years 1 to 9999.
    pub(super) fn plus(self, amount: Number, unit: CalendarUnit) -> Option<Self> {
        let amount = amount.cut(Cut::Truncate, 0)?.to_whole().filter(|amount| amount.abs() < 1 << 50)?;
        if self.kind == MomentKind::Time {
            return self.moved(amount, unit).map(|moved| Self { days: 0, ..moved });
        }
        match (unit, self.precision) {
            (CalendarUnit::Year, _) => self.months(amount.checked_mul(12)?),
            (CalendarUnit::Month, Precision::Year) => self.months(amount / 12 * 12),
            (CalendarUnit::Month, _) => self.months(amount),
            (_, Precision::Year) => self.months(amount.checked_mul(unit.microseconds())? / (365 * DAY) * 12),
            (_, Precision::Month) => self.months(amount.checked_mul(unit.microseconds())? / (30 * DAY)),
            _ => self.moved(amount, unit),
        }
    }

    fn months(self, amount: i64) -> Option<Self> {
        let (year, month, day) = clock::civil(self.days);
        let total = year.checked_mul(12)?.checked_add(i64::from(month) - 1)?.checked_add(amount)?;
        let (year, month) = (total.div_euclid(12), u32::try_from(total.rem_euclid(12) + 1).ok()?);
        (1..=9999).contains(&year).then_some(())?;
        let first = clock::days(year, month, 1);
        let last = next_month(year, month) - 1;
        Some(Self { days: (first + i64::from(day) - 1).min(last), ..self })
    }

    fn moved(self, amount: i64, unit: CalendarUnit) -> Option<Self> {
        let step = match self.precision {
            Precision::Year | Precision::Month | Precision::Day => DAY,
            Precision::Hour => 3600 * SECOND,
            Precision::Minute => 60 * SECOND,
            Precision::Second | Precision::Fraction => 1,
        };
        let delta = amount.checked_mul(unit.microseconds())? / step * step;
        let total = self.time.checked_add(delta)?;
        let days = self.days.checked_add(total.div_euclid(DAY))?;
        let year = clock::civil(days).0;
        let time = total.rem_euclid(DAY);
        let told = time % SECOND != 0 && self.precision == Precision::Second;
        let (precision, digits) = if told { (Precision::Fraction, 3) } else { (self.precision, self.digits) };
        (self.kind == MomentKind::Time || (1..=9999).contains(&year)).then_some(Self { days, time, precision, digits, ..self })
    }
}
