//! Series: the intervals of one parameter in one unit, apart by how wide they are.
//!
//! A row names its series by one number of six bytes. The number is a hash, so nobody has to look it up; the table `series` says
//! which there are, for searches in any unit. Points stand in `num_lo` only, since both ends are the same. Short intervals stand
//! apart from wider ones, so that a search between two times looks at few that begin before them: of those that begin within a
//! second before, and not of all that begin within a day before only since some last so long.

use std::hash::Hasher;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};
use siphasher::sip::SipHasher13;

use super::failed;
use crate::search::plan::{ParameterNumber, Unit, WIDE};
use crate::store::port::StoreError;

/// A series of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) parameter: ParameterNumber,
    pub(super) unit: u64,
    pub(super) span: Span,
}

/// How wide the intervals of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    /// Wider than the others.
    Wide,
    /// Both ends are the same.
    Point,
    /// At most [`SHORT`].
    Short,
}

/// A second in microseconds, the precision of most times. Stored rows rest on it, so it never changes.
const SHORT: i64 = if cfg!(test) { 1 } else { 1_000_000 };

impl Span {
    const ALL: [Self; 3] = [Self::Point, Self::Short, Self::Wide];

    /// That of an interval whose ends lie so far apart.
    pub(super) fn of(width: i64) -> Self {
        match width {
            0 => Self::Point,
            // The difference of two numbers may be too much for the type.
            1..=SHORT => Self::Short,
            _ => Self::Wide,
        }
    }

    /// How wide an interval of it is at most, if it is no wide one by the measure of [`WIDE`].
    pub(super) fn most(self) -> i64 {
        match self {
            Self::Point => 0,
            Self::Short => SHORT,
            Self::Wide => WIDE,
        }
    }

    /// The number that stands for it in the table.
    fn number(self) -> u8 {
        match self {
            Self::Wide => 0,
            Self::Point => 1,
            Self::Short => 2,
        }
    }
}

impl Series {
    /// The number by which rows name it: 47 bits, which take six bytes in a table. Stored rows have it: it never changes.
    pub(super) fn code(self) -> i64 {
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x7365_7269);
        hasher.write_u32(self.parameter);
        hasher.write_u64(self.unit);
        hasher.write_u8(self.span.number());
        (hasher.finish() & ((1 << 47) - 1)).cast_signed()
    }

    /// Says that it is there, if nobody has said so yet.
    pub(super) fn write(self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO series (s, p, u, point) VALUES (?1, ?2, ?3, ?4)";
        let values = params![self.code(), self.parameter, self.unit.cast_signed(), self.span.number()];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
        Ok(())
    }

    /// The series of a parameter that hold values in the wanted units.
    pub(super) fn of(connection: &Connection, parameter: ParameterNumber, wanted: Unit) -> Result<Vec<Self>, StoreError> {
        if let Unit::Exactly(unit) = wanted {
            return Ok(Span::ALL.map(|span| Self { parameter, unit, span }).to_vec());
        }
        let sql = "SELECT u, point FROM series WHERE p = ?1 ORDER BY u, point";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let read = |row: &rusqlite::Row<'_>| {
            let number: u8 = row.get(1)?;
            let span = Span::ALL.into_iter().find(|span| span.number() == number).unwrap_or(Span::Wide);
            Ok(Self { parameter, unit: row.get::<_, i64>(0)?.cast_unsigned(), span })
        };
        let all = statement.query_map([parameter], read).map_err(failed)?.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
        Ok(all.into_iter().filter(|series| wanted.passes(series.unit)).collect())
    }
}

/// Gives a connection what a migration needs to set short intervals apart: `is_short(w)`, and `short(p, u)`, the code of a series.
pub(super) fn serve(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("is_short", 1, flags, |context| Ok(Span::of(context.get(0)?) == Span::Short))?;
    connection.create_scalar_function("short", 2, flags, |context| {
        let series = Series { parameter: context.get(0)?, unit: context.get::<i64>(1)?.cast_unsigned(), span: Span::Short };
        Ok(series.code())
    })
}
