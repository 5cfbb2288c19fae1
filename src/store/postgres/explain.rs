//! How a search is run: what each condition of a plan is used for. The page itself is found as ever ([`super::search`]).

use super::fault::Fault;
use super::search::Searcher;
use super::way::MOST;
use crate::search::plan::{Filter, Plan};
use crate::store::port::{Explanation, Role, Use};

impl Searcher<'_> {
    /// Runs a plan and tells how.
    pub(super) async fn explain(&self, plan: &Plan) -> Result<Explanation, Fault> {
        let page = self.page(plan).await?;
        let mut uses = Vec::new();
        if let Some(conditions) = self.conditions(plan).await? {
            let wanted = plan.sort.is_empty().then_some(plan.limit.saturating_add(1));
            let way = self.way(&plan.of, &conditions, wanted, MOST).await?;
            let is_tested = |filter: &Filter| way.rest.iter().any(|rest| std::ptr::eq(*rest, filter));
            let least = way.least.map(|least| least as u64);
            for filter in &conditions {
                let role = if is_tested(filter) { Role::Test } else { Role::Source };
                uses.push(Use { filter: filter.clone(), role, rows: least.filter(|_| role == Role::Source) });
            }
            if uses.iter().all(|used| used.role == Role::Test) {
                // Everything of the types, or what two tests leave of a parameter between them.
                let all = self.living(&plan.of).await?.cast_unsigned();
                let rows = Some(least.map_or(all, |least| least.min(all)));
                uses.insert(0, Use { filter: Filter::All(Vec::new()), role: Role::Source, rows });
            }
        }
        Ok(Explanation { page, uses, tested: None })
    }
}
