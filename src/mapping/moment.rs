//! Dates and times of day as result files write them, and the FHIR values made from them.
//!
//! The files tell the local time of a laboratory without a zone. Norn reads it as Norwegian time, since FHIR's `instant`
//! wants a zone: UTC+1, and UTC+2 from the last Sunday of March to that of October (Directive 2000/84/EC).

use crate::base::clock;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

/// A time of day, to the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Time {
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
}

impl Date {
    /// Reads `2021-02-24`, `24.02.2021` or `24/02/2021`: year first, or day first.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let number = |text: &str, width: usize| {
            (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten()
        };
        let parts = |separator| {
            let mut parts = text.split(separator);
            let three = (parts.next()?, parts.next()?, parts.next()?);
            parts.next().is_none().then_some(three)
        };
        let (year, month, day) = if let Some((year, month, day)) = parts('-') {
            (number(year, 4)?, number(month, 2)?, number(day, 2)?)
        } else {
            let (day, month, year) = parts('.').or_else(|| parts('/'))?;
            (number(year, 4)?, number(month, 2)?, number(day, 2)?)
        };
        let date = Self { year: i64::from(year), month, day };
        (date.year > 0 && clock::civil(date.count()) == (date.year, month, day)).then_some(date)
    }

    /// Whether reading it month first would give another day: `03/04/2026`.
    pub(crate) fn is_ambiguous(text: &str) -> bool {
        text.contains('/') && Self::read(text).is_some_and(|date| date.day <= 12 && date.day != date.month)
    }

    /// Days since 1970-01-01.
    fn count(self) -> i64 {
        clock::days(self.year, self.month, self.day)
    }

    /// FHIR `date`.
    pub(crate) fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// FHIR `instant` of this day and that Norwegian time of day.
    pub(crate) fn instant(self, time: Time) -> String {
        let offset = if self.is_summer(time) { "+02:00" } else { "+01:00" };
        format!("{}T{:02}:{:02}:{:02}{offset}", self.text(), time.hour, time.minute, time.second)
    }

    /// Whether summer time holds; in the hour that occurs twice in October, the first one is meant.
    fn is_summer(self, time: Time) -> bool {
        let start = last_sunday(self.year, 3);
        let end = last_sunday(self.year, 10);
        let minutes = (self.count(), time.hour);
        minutes >= (start, 2) && minutes < (end, 3)
    }
}

/// Days since 1970-01-01 of the last Sunday of a month of 31 days.
fn last_sunday(year: i64, month: u32) -> i64 {
    let last = clock::days(year, month, 31);
    // 1970-01-01 was a Thursday, so day 3 was a Sunday.
    last - (last - 3).rem_euclid(7)
}

impl Time {
    /// Reads `09:46:53`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':').map(|part| {
            (matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u32>().ok()).flatten()
        });
        let time = Self { hour: parts.next()??, minute: parts.next()??, second: parts.next()?? };
        (parts.next().is_none() && time.hour < 24 && time.minute < 60 && time.second < 60).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read() {
        let check = |text: &str, told: Option<&str>| assert_eq!(Date::read(text).map(Date::text).as_deref(), told, "{text}");
        check("2021-02-24", Some("2021-02-24"));
        check("01.02.2000", Some("2000-02-01"));
        check("20/03/2026", Some("2026-03-20"));
        check("2024-02-29", Some("2024-02-29"));
        for bad in ["2099-99-99", "2023-02-29", "03/20/2026", "24.2.2021", "24-02-2021", "", "NA", "2021-02-24 ", "44256", "0000-01-01"] {
            check(bad, None);
        }
        assert!(Date::is_ambiguous("03/04/2026"));
        assert!(!Date::is_ambiguous("20/03/2026") && !Date::is_ambiguous("03/03/2026") && !Date::is_ambiguous("03.04.2026"));
    }

    #[test]
    fn norwegian_time_has_a_zone() {
        let check = |day: &str, time: &str, told: &str| assert_eq!(Date::read(day).unwrap().instant(Time::read(time).unwrap()), told);
        check("2021-02-24", "09:46:53", "2021-02-24T09:46:53+01:00");
        check("2026-03-29", "01:59:59", "2026-03-29T01:59:59+01:00");
        check("2026-03-29", "03:00:00", "2026-03-29T03:00:00+02:00");
        check("2026-07-01", "00:00:00", "2026-07-01T00:00:00+02:00");
        check("2026-10-25", "02:30:00", "2026-10-25T02:30:00+02:00");
        check("2026-10-25", "03:00:00", "2026-10-25T03:00:00+01:00");
        for bad in ["24:00:00", "9:60:00", "09:46", "", "09:46:53:1"] {
            assert_eq!(Time::read(bad), None, "{bad}");
        }
    }
}
