//! How many resources a search may read to test what no index row tells.
//!
//! Reading a resource costs some ten microseconds: a search that would read all of a large store is refused instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::plan::{Filter, Found, Link, Probe, Sort, SortBy};

/// What is left for the probes of one query, whatever runs its plan.
#[derive(Clone, Debug)]
pub struct Budget {
    whole: usize,
    left: Arc<AtomicUsize>,
}

impl Budget {
    /// For so many readings.
    #[must_use]
    pub fn of(whole: usize) -> Self {
        Self { whole, left: Arc::new(AtomicUsize::new(whole)) }
    }

    /// As if nothing had been read yet: for a plan that is run again.
    pub fn refill(&self) {
        self.left.store(self.whole, Ordering::Relaxed);
    }

    /// How many readings have been made.
    #[must_use]
    pub fn used(&self) -> usize {
        self.whole.saturating_sub(self.left.load(Ordering::Relaxed))
    }

    fn take(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// The same question, as long as the budget lasts.
    #[must_use]
    pub fn probe(&self, probe: Probe) -> Probe {
        let (budget, ask) = (self.clone(), probe.ask);
        Probe { name: probe.name, ask: Arc::new(move |body| if budget.take() { ask(body) } else { Found::TooMuch }) }
    }

    /// The same filter, whose probes use the budget.
    #[must_use]
    pub fn filter(&self, filter: Filter) -> Filter {
        let each = |filters: Vec<Filter>| filters.into_iter().map(|filter| self.filter(filter)).collect();
        let link = |link: Box<Link>| {
            let Link { parameter, from, to, filter } = *link;
            Box::new(Link { parameter, from, to, filter: self.filter(filter) })
        };
        match filter {
            Filter::All(filters) => Filter::All(each(filters)),
            Filter::Any(filters) => Filter::Any(each(filters)),
            Filter::Not(inner) => Filter::Not(Box::new(self.filter(*inner))),
            Filter::Linked(inner) => Filter::Linked(link(inner)),
            Filter::Referenced(inner) => Filter::Referenced(link(inner)),
            Filter::Group(parameter, filters) => Filter::Group(parameter, each(filters)),
            Filter::Probe(probe) => Filter::Probe(self.probe(probe)),
            Filter::Post(_) | Filter::Number(..) | Filter::TextStart(..) | Filter::TextPart(..) | Filter::Id(_) => filter,
        }
    }

    /// The same order, whose probes use the budget.
    #[must_use]
    pub fn sort(&self, sort: Sort) -> Sort {
        match sort.by {
            SortBy::Probe(probe) => Sort { by: SortBy::Probe(self.probe(probe)), descending: sort.descending },
            _ => sort,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_probes_of_a_query_share_the_budget_and_it_can_be_refilled() {
        let yes = || Probe { name: "yes".into(), ask: Arc::new(|_| Found::Holds(true)) };
        let budget = Budget::of(3);
        let bound = budget.filter(Filter::All(vec![Filter::Not(Box::new(Filter::Probe(yes()))), Filter::Probe(yes())]));
        let Filter::All(parts) = bound else { panic!("another filter") };
        let [Filter::Not(first), Filter::Probe(second)] = parts.as_slice() else { panic!("other parts") };
        let Filter::Probe(first) = first.as_ref() else { panic!("another part") };
        let found = |probe: &Probe| (probe.ask)(b"{}");
        assert_eq!([found(first), found(second), found(first)], [Found::Holds(true), Found::Holds(true), Found::Holds(true)]);
        assert_eq!((found(second), budget.used()), (Found::TooMuch, 3));
        budget.refill();
        assert_eq!((found(second), budget.used()), (Found::Holds(true), 1));
    }
}
