//! Dates, times of day, and both, as precise as they are written.
//!
//! Source: <http://hl7.org/fhirpath/N1/#date>, `#datetime`, `#time`, and `#comparison` for what two of unlike precision tell.

use std::cmp::Ordering;
use std::fmt;

use crate::base::clock;

pub(super) const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The widest offset from UTC: a time without a zone may be so far away from what it says.
const WIDEST: i64 = 14 * 3600 * SECOND;

/// Which type it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MomentKind {
    /// `Date`
    Date,
    /// `DateTime`
    DateTime,
    /// `Time`
    Time,
}

/// The last part that is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

/// A date, a time, or both.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub(super) kind: MomentKind,
    pub(super) precision: Precision,
    /// Days since 1970-01-01 of the first day that it stands for; 0 for a time of day.
    pub(super) days: i64,
    /// Microseconds since midnight.
    pub(super) time: i64,
    /// Digits of the fraction of a second.
    pub(super) digits: u8,
    /// Minutes east of UTC, if that is told.
    pub(super) offset: Option<i16>,
}

impl Moment {
    /// Reads a date, a date with a time, or a time of day, each of any precision.
    #[must_use]
    pub fn read(kind: MomentKind, text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.as_bytes() };
        let mut moment = Self { kind, precision: Precision::Year, days: 0, time: 0, digits: 0, offset: None };
        if kind != MomentKind::Time {
            reader.date(&mut moment)?;
            if kind == MomentKind::Date || reader.rest.is_empty() {
                return reader.rest.is_empty().then_some(moment);
            }
            // `2015T` is a DateTime that tells only its year.
            reader.eat(b'T').then_some(())?;
            if reader.rest.is_empty() {
                return Some(moment);
            }
            (moment.precision == Precision::Day).then_some(())?;
        }
        reader.time(&mut moment)?;
        if kind == MomentKind::DateTime {
            moment.offset = reader.offset()?;
        }
        reader.rest.is_empty().then_some(moment)
    }

    /// A moment of the clock in UTC, told to the millisecond.
    #[must_use]
    pub fn at(instant: clock::Instant) -> Self {
        let microseconds = instant.to_milliseconds().0;
        Self {
            kind: MomentKind::DateTime,
            precision: Precision::Fraction,
            days: microseconds.div_euclid(DAY),
            time: microseconds.rem_euclid(DAY),
            digits: 3,
            offset: Some(0),
        }
    }

    /// Its date alone.
    #[must_use]
    pub fn date(self) -> Self {
        Self { kind: MomentKind::Date, precision: self.precision.min(Precision::Day), time: 0, digits: 0, offset: None, ..self }
    }

    /// Its time of day alone.
    #[must_use]
    pub fn time_of_day(self) -> Self {
        Self { kind: MomentKind::Time, days: 0, offset: None, ..self }
    }

    /// The same, told as a date with a time.
    pub(super) fn date_time(self) -> Self {
        Self { kind: MomentKind::DateTime, ..self }
    }

    /// The moments that it stands for, the first and the one after the last, in microseconds since 1970 in UTC.
    pub(super) fn span(self) -> (i64, i64) {
        let start = self.days * DAY + self.time - i64::from(self.offset.unwrap_or(0)) * 60 * SECOND;
        let (year, month, _) = clock::civil(self.days);
        let days_until = |next: i64| (next - self.days) * DAY;
        let width = match self.precision {
            Precision::Year => days_until(clock::days(year + 1, 1, 1)),
            Precision::Month => days_until(next_month(year, month)),
            Precision::Day => DAY,
            Precision::Hour => 3600 * SECOND,
            Precision::Minute => 60 * SECOND,
            // Seconds and their fractions are one precision.
            Precision::Second | Precision::Fraction => 1,
        };
        (start, start + width)
    }

    /// Which one is earlier: `None` if the two types do not go together, `Some(None)` if their precision does not tell.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Option<Ordering>> {
        if (self.kind == MomentKind::Time) != (other.kind == MomentKind::Time) {
            return None;
        }
        let (mut a, mut b) = (self.span(), other.span());
        match (self.zoned(), other.zoned()) {
            (true, false) => b = (b.0 - WIDEST, b.1 + WIDEST),
            (false, true) => a = (a.0 - WIDEST, a.1 + WIDEST),
            _ if self.fineness() == other.fineness() => return Some(Some(a.0.cmp(&b.0))),
            _ => {}
        }
        Some(if a.1 <= b.0 {
            Some(Ordering::Less)
        } else if b.1 <= a.0 {
            Some(Ordering::Greater)
        } else {
            None
        })
    }

    /// A date without a time is in no zone.
    fn zoned(self) -> bool {
        self.offset.is_some()
    }

    fn fineness(self) -> Precision {
        self.precision.min(Precision::Second)
    }

    /// How many digits it is told with: 4 for a year, 17 for a DateTime with milliseconds, 9 for a Time with them.
    pub(super) fn digits_told(self) -> i64 {
        let digits = match self.precision {
            Precision::Year => 4,
            Precision::Month => 6,
            Precision::Day => 8,
            Precision::Hour => 10,
            Precision::Minute => 12,
            Precision::Second => 14,
            Precision::Fraction => 14 + i64::from(self.digits),
        };
        if self.kind == MomentKind::Time { digits - 8 } else { digits }
    }

    /// The first or last moment that it stands for, told with so many digits.
    pub(super) fn boundary(self, high: bool, digits: i64) -> Option<Self> {
        let wanted = match (self.kind, digits) {
            (MomentKind::Time, digits) => digits.checked_add(8)?,
            (_, digits) => digits,
        };
        let precision = match wanted {
            4 => Precision::Year,
            6 => Precision::Month,
            8 => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            14 => Precision::Second,
            17 => Precision::Fraction,
            _ => return None,
        };
        let allowed = match self.kind {
            MomentKind::Date => precision <= Precision::Day,
            MomentKind::DateTime => true,
            MomentKind::Time => precision >= Precision::Hour,
        };
        if !allowed {
            return None;
        }
        let local = Self { offset: None, ..self }.span();
        // Seconds with milliseconds end a millisecond before the next second.
        let end = if self.precision == Precision::Second { local.0 + SECOND } else { local.1.max(local.0 + 1000) };
        let edge = if high { end - 1000 } else { local.0 };
        let timed = precision >= Precision::Hour;
        let offset = if timed && self.kind == MomentKind::DateTime {
            // The earliest moment of a local time is where the sun rises first.
            Some(self.offset.unwrap_or(if high { -720 } else { 840 }))
        } else {
            None
        };
        let digits = if precision == Precision::Fraction { 3 } else { 0 };
        let moment = Self { precision, days: edge.div_euclid(DAY), time: edge.rem_euclid(DAY), digits, offset, ..self };
        Some(moment.floored())
    }

    /// With what is finer than its precision set to its beginning.
    pub(super) fn floored(mut self) -> Self {
        let (year, month, _) = clock::civil(self.days);
        let unit = match self.precision {
            Precision::Year => {
                self.days = clock::days(year, 1, 1);
                DAY
            }
            Precision::Month => {
                self.days = clock::days(year, month, 1);
                DAY
            }
            Precision::Day => DAY,
            Precision::Hour => 3600 * SECOND,
            Precision::Minute => 60 * SECOND,
            Precision::Second => SECOND,
            Precision::Fraction => 1,
        };
        self.time -= self.time.rem_euclid(unit);
        self
    }
}

/// The first day of the month after.
pub(super) fn next_month(year: i64, month: u32) -> i64 {
    if month >= 12 { clock::days(year + 1, 1, 1) } else { clock::days(year, month + 1, 1) }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = clock::civil(self.days);
        if self.kind != MomentKind::Time {
            write!(f, "{year:04}")?;
            if self.precision >= Precision::Month {
                write!(f, "-{month:02}")?;
            }
            if self.precision >= Precision::Day {
                write!(f, "-{day:02}")?;
            }
            if self.precision >= Precision::Hour {
                f.write_str("T")?;
            }
        }
        let seconds = self.time / SECOND;
        if self.precision >= Precision::Hour {
            write!(f, "{:02}", seconds / 3600)?;
        }
        if self.precision >= Precision::Minute {
            write!(f, ":{:02}", seconds / 60 % 60)?;
        }
        if self.precision >= Precision::Second {
            write!(f, ":{:02}", seconds % 60)?;
        }
        if self.precision == Precision::Fraction {
            let fraction = format!("{:06}000", self.time % SECOND);
            write!(f, ".{}", fraction.get(..usize::from(self.digits)).unwrap_or(&fraction))?;
        }
        match self.offset {
            Some(0) => f.write_str("Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", offset.unsigned_abs() / 60, offset.unsigned_abs() % 60)
            }
            None => Ok(()),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let mut value = 0;
        for byte in digits {
            value = value * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        self.rest = rest;
        Some(value)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn date(&mut self, moment: &mut Moment) -> Option<()> {
        let year = self.digits(4).filter(|year| *year > 0)?;
        moment.days = clock::days(year, 1, 1);
        if self.eat(b'-') {
            let month = u32::try_from(self.digits(2)?).ok().filter(|month| (1..=12).contains(month))?;
            (moment.precision, moment.days) = (Precision::Month, clock::days(year, month, 1));
            if self.eat(b'-') {
                let length = next_month(year, month) - moment.days;
                let day = self.digits(2).filter(|day| (1..=length).contains(day))?;
                (moment.precision, moment.days) = (Precision::Day, moment.days + day - 1);
            }
        }
        Some(())
    }

    fn time(&mut self, moment: &mut Moment) -> Option<()> {
        moment.time = self.digits(2).filter(|hour| *hour < 24)? * 3600 * SECOND;
        moment.precision = Precision::Hour;
        for (precision, unit, most) in [(Precision::Minute, 60 * SECOND, 59), (Precision::Second, SECOND, 60)] {
            if !self.eat(b':') {
                return Some(());
            }
            moment.time += self.digits(2).filter(|value| *value <= most)? * unit;
            moment.precision = precision;
        }
        if self.eat(b'.') {
            let mut unit = SECOND;
            moment.precision = Precision::Fraction;
            while let Some(byte) = self.rest.first().filter(|byte| byte.is_ascii_digit()) {
                unit /= 10;
                moment.time += i64::from(byte - b'0') * unit;
                // More than nine digits are legal and never told again.
                moment.digits = moment.digits.saturating_add(1).min(9);
                self.rest = self.rest.get(1..)?;
            }
            (moment.digits > 0).then_some(())?;
        }
        Some(())
    }

    /// The zone, if one is told.
    fn offset(&mut self) -> Option<Option<i16>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        if self.eat(b'Z') {
            return Some(Some(0));
        }
        let sign = if self.eat(b'-') { -1 } else { self.eat(b'+').then_some(1)? };
        let hours = self.digits(2).filter(|hours| *hours <= 14)?;
        let minutes = self.eat(b':').then(|| self.digits(2).filter(|minutes| *minutes < 60)).flatten()?;
        Some(i16::try_from(sign * (hours * 60 + minutes)).ok())
    }
}
