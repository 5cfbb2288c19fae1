//! Chains and `_has`: conditions that look at other resources.
//!
//! Where few resources meet the inner condition, it is answered first, and what it finds becomes posts or ids for the outer one.
//! Where many do, each outer candidate is held against the resources around it: nothing is ever gathered without a bound.

use std::collections::BTreeSet;

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::search::Searcher;
use super::{failed, read, runs};
use crate::model::primitive::Id;
use crate::search::key;
use crate::search::plan::{Filter, Link, Plan, Searched};
use crate::store::evaluate::{Candidate, Carried, World, is_alone, target_id};
use crate::store::normal::{conjuncts, posts};
use crate::store::port::StoreError;

/// The inner condition is answered first if at most so many resources meet it.
const INNER: i64 = if cfg!(test) { 3 } else { 1024 };
/// Answering it for one resource from outside costs as much as finding so many from inside.
const OUTSIDE: i64 = if cfg!(test) { 1 } else { 4 };

impl Searcher<'_> {
    /// The conditions with those replaced that are better answered from inside; `None` if they cannot all hold.
    pub(super) fn joined(&self, conditions: Vec<Filter>, mixed: bool) -> Result<Option<Vec<Filter>>, StoreError> {
        if conditions.iter().all(is_alone) {
            return Ok(Some(conditions));
        }
        let mut most = INNER;
        for posts in conditions.iter().filter_map(posts) {
            let mut count = 0;
            for post in posts {
                count += runs::count(self.connection, post, most)?;
            }
            most = most.min(count.saturating_mul(OUTSIDE));
        }
        if let Some(ids) = conditions.iter().find_map(|filter| if let Filter::Id(ids) = filter { Some(ids.len()) } else { None }) {
            most = most.min(i64::try_from(ids).unwrap_or(i64::MAX).saturating_mul(OUTSIDE));
        }
        let filters = conditions.into_iter().map(|filter| self.inside_out(filter, most.max(OUTSIDE), mixed)).collect::<Result<_, _>>()?;
        Ok(conjuncts(&Filter::All(filters)))
    }

    fn inside_out(&self, filter: Filter, most: i64, mixed: bool) -> Result<Filter, StoreError> {
        let each = |filters: Vec<Filter>| filters.into_iter().map(|filter| self.inside_out(filter, most, mixed)).collect::<Result<_, _>>();
        Ok(match filter {
            Filter::All(filters) => Filter::All(each(filters)?),
            Filter::Any(filters) => Filter::Any(each(filters)?),
            Filter::Not(filter) => Filter::Not(Box::new(self.inside_out(*filter, most, mixed)?)),
            Filter::Linked(link) => match self.inner(link.to, &link.filter, most)? {
                Some(rows) => Filter::Any(self.referring(&link, &rows)?),
                None => Filter::Linked(link),
            },
            Filter::Referenced(link) => match self.inner(link.from, &link.filter, most)? {
                Some(rows) => {
                    let ids = Filter::Id(self.referred(&link, &rows)?);
                    // An id says nothing of the type.
                    if mixed { Filter::All(vec![Filter::Post(link.to.post), ids]) } else { ids }
                }
                None => Filter::Referenced(link),
            },
            other => other,
        })
    }

    /// The rows of a type that meet a filter, if they are not too many.
    fn inner(&self, of: Searched, filter: &Filter, most: i64) -> Result<Option<Vec<i64>>, StoreError> {
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let plan = Plan { of: vec![of], filter: filter.clone(), sort: Vec::new(), after: None, limit, total: false };
        let found = self.run(&plan)?;
        Ok((!found.more).then(|| found.places.into_iter().map(|place| place.row).collect()))
    }

    /// The posts of references to these resources.
    fn referring(&self, link: &Link, rows: &[i64]) -> Result<Vec<Filter>, StoreError> {
        let post = |id: &str| Filter::Post(key::reference(link.parameter, &format!("{}/{id}", link.to.kind)));
        rows.iter().map(|row| read::carried(self.connection, *row, |candidate| Ok(post(candidate.id)))).collect()
    }

    /// The ids to which these resources refer.
    fn referred(&self, link: &Link, rows: &[i64]) -> Result<Vec<Id>, StoreError> {
        let mut ids = BTreeSet::new();
        for row in rows {
            read::carried(self.connection, *row, |candidate| {
                let targets = candidate.rows.links().filter(|(parameter, _)| *parameter == link.parameter);
                ids.extend(targets.filter_map(|(_, target)| target_id(link, target.as_ref()).and_then(Id::new)));
                Ok(())
            })?;
        }
        Ok(ids.into_iter().collect())
    }

    /// Whether a resource meets all of some filters.
    pub(super) fn all_hold<R: Carried>(&self, candidate: Candidate<'_, R>, filters: &[&Filter]) -> Result<bool, StoreError> {
        self.tested.set(self.tested.get() + 1);
        for filter in filters {
            if !candidate.holds(filter, self)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl World for Searcher<'_> {
    fn body(&self, row: i64) -> Result<Bytes, StoreError> {
        let version = read::hit(self.connection, &self.shared.kinds, row)?;
        version.body.clone().ok_or_else(|| StoreError::Failed(format!("the resource of row {row} is deleted")))
    }

    fn leads(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT rid FROM resource WHERE kind = ?1 AND id = ?2 AND body IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let kind = self.shared.kinds.code(link.to.kind)?;
        let row = statement.query_row(params![kind, id], |line| line.get(0)).optional().map_err(failed)?;
        row.map_or(Ok(false), |row| read::carried(self.connection, row, |candidate| candidate.holds(&link.filter, self)))
    }

    fn reached(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        let refers = Filter::Post(key::reference(link.parameter, &format!("{}/{id}", link.to.kind)));
        let filter = Filter::All(vec![refers, link.filter.clone()]);
        let plan = Plan { of: vec![link.from], filter, sort: Vec::new(), after: None, limit: 1, total: false };
        Ok(!self.run(&plan)?.places.is_empty())
    }
}
