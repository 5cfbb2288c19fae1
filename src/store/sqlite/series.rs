//! Series: the intervals of one parameter in one unit, those that are points and those that are wider apart.
//!
//! A row names its series by one number of six bytes. The number is a hash, so nobody has to look it up; the table `series` says
//! which there are, for searches in any unit. Points stand in `num_lo` only, since both ends are the same.

use std::hash::Hasher;

use rusqlite::{Connection, params};
use siphasher::sip::SipHasher13;

use super::failed;
use crate::search::plan::{ParameterNumber, Unit};
use crate::store::port::StoreError;

/// A series of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) parameter: ParameterNumber,
    pub(super) unit: u64,
    /// Whether both ends of its intervals are the same.
    pub(super) point: bool,
}

impl Series {
    /// The number by which rows name it: 47 bits, which take six bytes in a table. Stored rows have it: it never changes.
    pub(super) fn code(self) -> i64 {
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x7365_7269);
        hasher.write_u32(self.parameter);
        hasher.write_u64(self.unit);
        hasher.write_u8(u8::from(self.point));
        (hasher.finish() & ((1 << 47) - 1)).cast_signed()
    }

    /// Says that it is there, if nobody has said so yet.
    pub(super) fn write(self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO series (s, p, u, point) VALUES (?1, ?2, ?3, ?4)";
        let values = params![self.code(), self.parameter, self.unit.cast_signed(), self.point];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
        Ok(())
    }

    /// The series of a parameter that hold values in the wanted units.
    pub(super) fn of(connection: &Connection, parameter: ParameterNumber, wanted: Unit) -> Result<Vec<Self>, StoreError> {
        if let Unit::Exactly(unit) = wanted {
            return Ok([true, false].map(|point| Self { parameter, unit, point }).to_vec());
        }
        let sql = "SELECT u, point FROM series WHERE p = ?1 ORDER BY u, point";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let read = |row: &rusqlite::Row<'_>| Ok(Self { parameter, unit: row.get::<_, i64>(0)?.cast_unsigned(), point: row.get(1)? });
        let all = statement.query_map([parameter], read).map_err(failed)?.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
        Ok(all.into_iter().filter(|series| wanted.passes(series.unit)).collect())
    }
}
