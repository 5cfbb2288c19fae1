//! Drivers: the row sources from which a search can start, and the statements that run from one.
//!
//! A driver that yields few rows is gone through whole; a driver in row order (one post) can stop as soon as the page is full.

use crate::search::plan::{ParameterNumber, Plan, Test, Unit};

use super::condition::{Condition, interval, starts};
use super::{Dialect, Statement};

/// A row source that yields every match, and more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Driver {
    /// Rows that have one of these posts; in row order if it is only one.
    Posts(Vec<i64>),
    /// Interval rows that pass, by the index on this end.
    Number(ParameterNumber, Test, Unit, End),
    /// Text rows that start so.
    TextStart(ParameterNumber, String),
    /// Resources with these ids.
    Ids(Vec<String>),
}

/// An end of an interval; each has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Low,
    High,
}

/// A driver, and which condition it makes true by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) driver: Driver,
    /// Number of the conjunct, 0-based; `None` for the driver by type.
    pub(crate) conjunct: Option<usize>,
}

/// A plan's conditions, ready to be told as SQL.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The code of the type that is searched.
    pub(crate) kind: i64,
    pub(crate) type_post: i64,
    /// All of them must hold.
    pub(crate) conjuncts: Vec<Condition>,
    /// Only rows up to this one are in the index as SQL sees it.
    pub(crate) up_to: i64,
}

impl Outline {
    pub(crate) fn of(plan: &Plan, kind: i64, up_to: i64) -> Self {
        let conjuncts = Condition::of(&plan.filter).conjuncts();
        Self { kind, type_post: plan.type_post.cast_signed(), conjuncts, up_to }
    }

    /// Whether nothing can match.
    pub(crate) fn is_never(&self) -> bool {
        self.conjuncts.iter().any(Condition::is_never)
    }

    /// The driver that always serves: everything of the type.
    pub(crate) fn by_type(&self) -> Candidate {
        Candidate { driver: Driver::Posts(vec![self.type_post]), conjunct: None }
    }

    /// The drivers that the conditions offer.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (number, condition) in self.conjuncts.iter().enumerate() {
            let mut add = |driver| found.push(Candidate { driver, conjunct: Some(number) });
            match condition {
                Condition::Posts(posts) => add(Driver::Posts(posts.clone())),
                Condition::Ids(ids) => add(Driver::Ids(ids.clone())),
                Condition::TextStart(parameter, text) => add(Driver::TextStart(*parameter, text.clone())),
                Condition::Number(parameter, test, unit) => {
                    for end in ends(*test) {
                        add(Driver::Number(*parameter, *test, *unit, *end));
                    }
                }
                Condition::TextPart(..) | Condition::All(_) | Condition::Any(_) | Condition::Not(_) => {}
            }
        }
        found
    }

    /// Counts the rows of a driver, but no further than `bound`.
    pub(crate) fn bounded_count<'d>(&self, driver: &Driver, bound: i64, dialect: &'d dyn Dialect) -> Statement<'d> {
        let mut sql = Statement::new(dialect);
        sql.push("SELECT count(*) FROM (SELECT 1");
        // Without the residual test: what is counted is what would be walked.
        self.write_source(driver, false, &mut sql);
        sql.push(" LIMIT ").integer(bound).push(")");
        sql
    }

    /// Row ids of matches, newest first, below `before`.
    pub(crate) fn page<'d>(&self, by: &Candidate, before: Option<i64>, limit: i64, dialect: &'d dyn Dialect) -> Statement<'d> {
        let mut sql = Statement::new(dialect);
        sql.push(if by.driver.is_unique() { "SELECT d.rid" } else { "SELECT DISTINCT d.rid" });
        self.write_matches(by, before, &mut sql);
        sql.push(" ORDER BY d.rid DESC LIMIT ").integer(limit);
        sql
    }

    /// The number of all matches.
    pub(crate) fn count<'d>(&self, by: &Candidate, dialect: &'d dyn Dialect) -> Statement<'d> {
        let mut sql = Statement::new(dialect);
        sql.push(if by.driver.is_unique() { "SELECT count(*)" } else { "SELECT count(DISTINCT d.rid)" });
        self.write_matches(by, None, &mut sql);
        sql
    }

    /// Those of `rows` that meet the conditions, in any order.
    pub(crate) fn passing<'d>(&self, rows: &[i64], dialect: &'d dyn Dialect) -> Statement<'d> {
        let mut sql = Statement::new(dialect);
        sql.push("SELECT d.rid FROM ").rows(rows).push(" WHERE d.rid <= ").integer(self.up_to);
        self.write_conjuncts(None, &mut sql);
        sql
    }

    /// Appends ` FROM … WHERE …` of all matches.
    pub(crate) fn write_matches(&self, by: &Candidate, before: Option<i64>, sql: &mut Statement<'_>) {
        self.write_source(&by.driver, true, sql);
        match before {
            Some(row) if row <= self.up_to => sql.push(" AND d.rid < ").integer(row),
            _ => sql.push(" AND d.rid <= ").integer(self.up_to),
        };
        self.write_conjuncts(by.conjunct, sql);
    }

    fn write_conjuncts(&self, except: Option<usize>, sql: &mut Statement<'_>) {
        for (number, condition) in self.conjuncts.iter().enumerate() {
            if Some(number) != except {
                sql.push(" AND ");
                condition.write(self.kind, sql);
            }
        }
    }

    fn write_source(&self, driver: &Driver, exact: bool, sql: &mut Statement<'_>) {
        match driver {
            Driver::Posts(posts) => {
                sql.push(" FROM post d WHERE ").one_of("d.k", posts);
            }
            Driver::Number(parameter, test, unit, end) => {
                sql.push(" FROM num d WHERE d.p = ").integer(i64::from(*parameter));
                range(*test, *end, sql);
                if exact {
                    sql.push(" AND ");
                    interval("d", *test, *unit, sql);
                }
            }
            Driver::TextStart(parameter, text) => {
                sql.push(" FROM txt d WHERE d.p = ").integer(i64::from(*parameter));
                starts("d", text, sql);
            }
            Driver::Ids(ids) => {
                sql.push(" FROM resource d WHERE d.kind = ").integer(self.kind).push(" AND ").one_of_texts("d.id", ids);
                // A deleted resource keeps its line for its version number, but is found no more.
                sql.push(" AND d.body IS NOT NULL");
            }
        }
    }
}

impl Driver {
    /// Whether no row id comes twice.
    pub(crate) fn is_unique(&self) -> bool {
        match self {
            Self::Posts(posts) => posts.len() == 1,
            Self::Ids(_) => true,
            Self::Number(..) | Self::TextStart(..) => false,
        }
    }

    /// Whether the row ids come in order, so that a page can stop early.
    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self, Self::Posts(posts) if posts.len() == 1)
    }
}

/// The ends whose index confines a test; none if it would have to be walked whole.
fn ends(test: Test) -> &'static [End] {
    match test {
        Test::Within(..) | Test::StartsBefore(_) | Test::StartsAfter(_) => &[End::Low],
        Test::EndsBefore(_) | Test::EndsAfter(_) => &[End::High],
        // Either end may be the better one; their counts tell.
        Test::Overlaps(..) => &[End::Low, End::High],
        Test::NotWithin(..) => &[],
    }
}

/// Appends ` AND …`: what a test says about one end alone.
fn range(test: Test, end: End, sql: &mut Statement<'_>) {
    match (test, end) {
        // An interval's low end is not above its high end.
        (Test::Within(from, to), End::Low) => sql.push(" AND d.lo >= ").integer(from).push(" AND d.lo <= ").integer(to),
        (Test::Within(from, to), End::High) => sql.push(" AND d.hi >= ").integer(from).push(" AND d.hi <= ").integer(to),
        (Test::Overlaps(_, to), End::Low) => sql.push(" AND d.lo <= ").integer(to),
        (Test::Overlaps(from, _), End::High) => sql.push(" AND d.hi >= ").integer(from),
        (Test::StartsBefore(at), End::Low) => sql.push(" AND d.lo < ").integer(at),
        (Test::StartsAfter(at), End::Low) => sql.push(" AND d.lo > ").integer(at),
        (Test::EndsBefore(at), End::High) => sql.push(" AND d.hi < ").integer(at),
        (Test::EndsAfter(at), End::High) => sql.push(" AND d.hi > ").integer(at),
        (Test::NotWithin(..), _)
        | (Test::StartsBefore(_) | Test::StartsAfter(_), End::High)
        | (Test::EndsBefore(_) | Test::EndsAfter(_), End::Low) => sql,
    };
}
