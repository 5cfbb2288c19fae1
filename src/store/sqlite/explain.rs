//! How a search is run: what each condition of a plan is used for. The page itself is found as ever ([`super::search`]).

use super::recent::Masked;
use super::runs;
use super::search::{MOST, Outline, Searcher, signed};
use super::source::with_ids;
use crate::search::plan::{Filter, Plan};
use crate::store::normal::{conjuncts, posts};
use crate::store::port::{Explanation, Role, StoreError, Use};

impl Searcher<'_> {
    /// Runs a plan and tells how.
    pub(super) fn explain(&self, plan: &Plan) -> Result<Explanation, StoreError> {
        let page = self.page(plan)?;
        let tested = Some(self.tested.get());
        Ok(Explanation { page, uses: self.uses(plan)?, tested })
    }

    /// What is made of the conditions of a plan. What is recent is always tested.
    fn uses(&self, plan: &Plan) -> Result<Vec<Use>, StoreError> {
        let Some(conditions) = conjuncts(&plan.filter) else { return Ok(Vec::new()) };
        let Some(conditions) = self.joined(conditions, plan.of.len() > 1)? else { return Ok(Vec::new()) };
        let kinds = plan.of.iter().map(|of| self.shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
        let outline = Outline { plan, kinds, up_to: self.snapshot()?.indexed, masked: Masked::default(), conditions };
        let way = self.way(&outline, self.worth(&outline, plan.limit.saturating_add(1))?)?;
        let is_tested = |filter: &Filter| way.rest.iter().any(|rest| std::ptr::eq(*rest, filter));
        let mut uses = Vec::new();
        for filter in &outline.conditions {
            if is_tested(filter) {
                uses.push(Use { filter: filter.clone(), role: Role::Test, rows: None });
                continue;
            }
            let rows = match (posts(filter), filter) {
                (Some(posts), _) => posts.iter().map(|post| runs::count(self.connection, *post, MOST)).sum::<Result<i64, _>>()?,
                (None, Filter::Id(ids)) => signed(with_ids(self.connection, &outline.kinds, ids, outline.up_to)?.len()),
                (None, filter) => self.gather(filter, outline.up_to, MOST, i64::MAX)?.map_or(MOST, |rows| signed(rows.len())),
            };
            uses.push(Use { filter: filter.clone(), role: Role::Source, rows: Some(rows.cast_unsigned()) });
        }
        if uses.iter().all(|used| used.role == Role::Test) {
            // Everything of the types, or what two tests leave of a parameter between them.
            let rows = if way.least < i64::MAX { way.least } else { self.living(&outline.kinds)? };
            uses.insert(0, Use { filter: Filter::All(Vec::new()), role: Role::Source, rows: Some(rows.cast_unsigned()) });
        }
        Ok(uses)
    }
}
