//! What a search starts from: the condition that fewest resources meet. The others are tested on what it gives.
//!
//! The database's own statistics know nothing of single keys, so keys are counted, up to a bound, and the counts kept for a
//! while. Equality keys and types give their resources newest first; from the rest all are gathered, so that must be few.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::connect::Connection;
use super::fault::Fault;
use super::sql::{Sql, Value};
use crate::model::primitive::Id;
use crate::search::key;
use crate::search::plan::{Filter, ParameterNumber, Searched};
use crate::store::normal::{posts, reach};
use crate::store::port::StoreError;

/// Rows that are gathered at most from a condition that gives them in no order, and counted at most from any. Tests use a
/// small number, to get past it.
pub(super) const MOST: i64 = if cfg!(test) { 9 } else { 10_000 };
/// Testing a resource costs as much as gathering so many rows.
const TEST: i64 = if cfg!(test) { 1 } else { 4 };
/// When so few resources are left, testing them is quicker than counting the rows of another condition.
const FEW: i64 = if cfg!(test) { 2 } else { 64 };
/// A count is looked up so often before the key is counted again.
const USES: u32 = 1000;
/// Keys whose counts are kept.
const KEPT: usize = 20_000;

/// What a search starts from.
#[derive(Debug, Clone)]
pub(super) enum Driver<'p> {
    /// Everything of the types that are searched.
    Types,
    /// A key.
    Post(i64),
    /// Several keys.
    Posts(Vec<i64>),
    /// Logical ids.
    Ids(&'p [Id]),
    /// Intervals or texts.
    Range(&'p Filter),
    /// Narrow intervals of a parameter between two bounds, and all resources with others.
    Between(ParameterNumber, i64, i64),
}

/// How a search goes.
pub(super) struct Way<'p> {
    pub(super) driver: Driver<'p>,
    /// The conditions that the driver does not tell.
    pub(super) tests: Vec<&'p Filter>,
    /// How many resources the driver gives, or more than were counted.
    pub(super) least: i64,
}

impl Driver<'_> {
    /// The table or subquery of the rows `d`, and what confines it.
    pub(super) fn source(&self, sql: &mut Sql<'_>, of: &[Searched]) -> Result<(String, String), StoreError> {
        let all = sql.shared.all_shards();
        Ok(match self {
            Self::Types => match of {
                [one] => Driver::Post(one.post.cast_signed()).source(sql, of)?,
                _ => (String::from("resource d"), format!("d.shard {all} AND d.kind = ANY ({}) AND d.body IS NOT NULL", kinds(sql, of)?)),
            },
            Self::Post(post) => (String::from("post d"), format!("d.shard {all} AND d.k = {}", sql.number(*post))),
            Self::Posts(posts) => {
                let posts = sql.mark(Value::Numbers(posts.clone()));
                (
                    format!("(SELECT DISTINCT x.shard, x.rid FROM post x WHERE x.shard {all} AND x.k = ANY ({posts})) d"),
                    String::from("true"),
                )
            }
            Self::Ids(ids) => {
                let ids = sql.mark(Value::Texts(ids.iter().map(ToString::to_string).collect()));
                let kinds = kinds(sql, of)?;
                (
                    String::from("resource d"),
                    format!("d.shard {all} AND d.kind = ANY ({kinds}) AND d.id = ANY ({ids}) AND d.body IS NOT NULL"),
                )
            }
            Self::Range(filter) => {
                let (table, test) = match filter {
                    Filter::Number(parameter, test, unit) => {
                        ("num", format!("x.p = {} AND {}", sql.parameter(*parameter), sql.interval(*test, *unit, "x")))
                    }
                    Filter::TextStart(parameter, text) => {
                        ("txt", format!("x.p = {} AND {}", sql.parameter(*parameter), sql.starts(text, "x")))
                    }
                    _ => ("num", String::from("true")),
                };
                (format!("(SELECT DISTINCT x.shard, x.rid FROM {table} x WHERE x.shard {all} AND {test}) d"), String::from("true"))
            }
            Self::Between(parameter, low, high) => {
                let wide = sql.number(key::wide(*parameter).cast_signed());
                let (parameter, low, high) = (sql.parameter(*parameter), sql.number(*low), sql.number(*high));
                let narrow = format!(
                    "SELECT x.shard, x.rid FROM num x WHERE x.shard {all} AND x.p = {parameter} AND x.lo >= {low} AND x.lo <= {high}"
                );
                let others = format!("SELECT x.shard, x.rid FROM post x WHERE x.shard {all} AND x.k = {wide}");
                (format!("({narrow} UNION {others}) d"), String::from("true"))
            }
        })
    }

    /// How many rows it gives, counted up to one more than a bound.
    async fn count(&self, connection: &Connection, shared: &super::Shared, of: &[Searched], most: i64) -> Result<i64, Fault> {
        match self {
            Self::Types => return Ok(i64::MAX),
            Self::Ids(ids) => return Ok(i64::try_from(ids.len() * of.len()).unwrap_or(i64::MAX)),
            Self::Post(post) => {
                if let Some(count) = shared.frequencies.get(*post) {
                    return Ok(count);
                }
            }
            _ => {}
        }
        let mut sql = Sql::new(shared);
        let (source, test) = match self {
            // Rows that come twice are counted twice: otherwise all would have to be gathered first.
            Self::Posts(posts) => {
                let posts = sql.mark(Value::Numbers(posts.clone()));
                (String::from("post d"), format!("d.shard {} AND d.k = ANY ({posts})", shared.all_shards()))
            }
            Self::Range(_) => {
                let (source, _) = self.source(&mut sql, of)?;
                (source.replacen("DISTINCT ", "", 1), String::from("true"))
            }
            Self::Between(..) => {
                let (source, _) = self.source(&mut sql, of)?;
                (source.replacen("UNION", "UNION ALL", 1), String::from("true"))
            }
            _ => self.source(&mut sql, of)?,
        };
        let bound = sql.number(most.saturating_add(1));
        let text = format!("SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {test} LIMIT {bound}) AS counted");
        let count = connection.number(&text, &sql.values()).await?;
        if let Self::Post(post) = self {
            shared.frequencies.put(*post, count);
        }
        Ok(count)
    }

    /// Whether it gives the newest first without gathering all.
    fn is_ordered(&self) -> bool {
        matches!(self, Self::Types | Self::Post(_))
    }
}

/// The codes of the types.
fn kinds(sql: &mut Sql<'_>, of: &[Searched]) -> Result<String, StoreError> {
    let codes = of.iter().map(|of| sql.shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
    Ok(sql.mark(Value::Smalls(codes)))
}

/// The drivers that conditions offer, each with the number of its condition if it tells all of that.
fn offers(conditions: &[Filter]) -> Vec<(Driver<'_>, Option<usize>)> {
    let mut offers = Vec::new();
    for (number, filter) in conditions.iter().enumerate() {
        let driver = match (posts(filter), filter) {
            (Some(posts), _) => match posts.as_slice() {
                [post] => Driver::Post(*post),
                _ => Driver::Posts(posts),
            },
            (None, Filter::Id(ids)) => Driver::Ids(ids),
            (None, Filter::Number(..)) => Driver::Range(filter),
            (None, Filter::TextStart(_, text)) if !text.is_empty() => Driver::Range(filter),
            _ => continue,
        };
        offers.push((driver, Some(number)));
    }
    // Conditions that confine a parameter from both sides, of which none alone has few rows: the dates of a week.
    for parameter in conditions.iter().filter_map(reach).map(|(parameter, ..)| parameter) {
        let own = conditions.iter().filter_map(reach).filter(|(other, ..)| *other == parameter);
        let (low, high) = own.fold((i64::MIN, i64::MAX), |(low, high), (_, from, to)| (low.max(from), high.min(to)));
        if low > i64::MIN && high < i64::MAX {
            offers.push((Driver::Between(parameter, low, high), None));
            break;
        }
    }
    offers
}

/// The best way to find `wanted` resources that meet all conditions; of all that do, if they must be sorted or counted.
pub(super) async fn choose<'p>(
    connection: &Connection,
    shared: &super::Shared,
    conditions: &'p [Filter],
    of: &[Searched],
    wanted: Option<usize>,
) -> Result<Way<'p>, Fault> {
    let mut offers = offers(conditions);
    let all = conditions.iter().collect();
    // Whoever sorts wants to know how many there are.
    if let ([(Driver::Post(_), _)], Some(_)) | ([(Driver::Ids(_), _)], _) = (offers.as_slice(), wanted) {
        return Ok(way(offers.swap_remove(0), conditions, 0));
    }
    // Keys first: their counts are often known, and may make others not worth counting.
    offers.sort_by_key(|(driver, _)| matches!(driver, Driver::Range(_) | Driver::Between(..)));
    let mut bound = None;
    let (mut best, mut least) = (None, i64::MAX);
    for (number, (driver, _)) in offers.iter().enumerate() {
        let mut most = MOST;
        if !driver.is_ordered() {
            if best.is_some() && least <= FEW {
                continue;
            }
            let worth = match bound {
                Some(bound) => bound,
                None => worth(connection, shared, of, wanted).await?,
            };
            bound = Some(worth);
            most = worth.min(least);
        }
        let count = driver.count(connection, shared, of, most).await?;
        if count < least && (driver.is_ordered() || count <= most) {
            (best, least) = (Some(number), count);
        }
    }
    Ok(match best {
        Some(number) => way(offers.swap_remove(number), conditions, least),
        None => Way { driver: Driver::Types, tests: all, least: i64::MAX },
    })
}

fn way<'p>((driver, told): (Driver<'p>, Option<usize>), conditions: &'p [Filter], least: i64) -> Way<'p> {
    let tests = conditions.iter().enumerate().filter(|(number, _)| Some(*number) != told).map(|(_, filter)| filter).collect();
    Way { driver, tests, least }
}

/// Up to how many rows gathering takes less than walking everything until enough is found.
async fn worth(connection: &Connection, shared: &super::Shared, of: &[Searched], wanted: Option<usize>) -> Result<i64, Fault> {
    let Some(wanted) = wanted else { return Ok(MOST) };
    let living = living(connection, shared, of).await?;
    Ok((i64::try_from(wanted).unwrap_or(i64::MAX).saturating_mul(living).saturating_mul(TEST).isqrt() + 1).min(MOST))
}

/// The driver that tells the only condition.
pub(super) fn only(conditions: &[Filter]) -> Option<Way<'_>> {
    let [_] = conditions else { return None };
    let (driver, _) = offers(conditions).into_iter().find(|(_, told)| told.is_some())?;
    Some(Way { driver, tests: Vec::new(), least: i64::MAX })
}

/// How many resources meet the rarest key or list of ids, or more than are counted.
pub(super) async fn least(connection: &Connection, shared: &super::Shared, conditions: &[Filter], of: &[Searched]) -> Result<i64, Fault> {
    let mut least = i64::MAX;
    for (driver, _) in offers(conditions) {
        if matches!(driver, Driver::Post(_) | Driver::Posts(_) | Driver::Ids(_)) {
            least = least.min(driver.count(connection, shared, of, MOST).await?);
        }
    }
    Ok(least)
}

/// How many resources some types have now.
pub(super) async fn living(connection: &Connection, shared: &super::Shared, of: &[Searched]) -> Result<i64, Fault> {
    let kinds = of.iter().map(|of| shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
    connection.number("SELECT coalesce(sum(living), 0)::int8 FROM kind WHERE code = ANY ($1::int4[])", &[&kinds]).await
}

/// How often keys occur, as they were counted lately.
#[derive(Debug, Default)]
pub(super) struct Frequencies(Mutex<HashMap<i64, (i64, u32)>>);

impl Frequencies {
    fn get(&self, post: i64) -> Option<i64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, uses) = counts.get_mut(&post)?;
        *uses += 1;
        // A count that was small may have grown a lot.
        if *uses > USES.min(u32::try_from(*count).unwrap_or(USES)) {
            counts.remove(&post);
            return None;
        }
        Some(*count)
    }

    fn put(&self, post: i64, count: i64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= KEPT {
            counts.clear();
        }
        counts.insert(post, (count, 0));
    }
}
