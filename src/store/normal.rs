//! Filters in a simpler form: nesting flattened, constants folded, alternatives gathered.

use crate::search::plan::{Filter, ParameterNumber, Test, WIDE};

/// The filters that must all hold; `None` if they never can. None of them is an `All` or a constant.
pub(crate) fn conjuncts(filter: &Filter) -> Option<Vec<Filter>> {
    match normal(filter) {
        Filter::All(filters) => Some(filters),
        never if is_never(&never) => None,
        one => Some(vec![one]),
    }
}

fn normal(filter: &Filter) -> Filter {
    match filter {
        Filter::All(filters) => all(filters.iter().map(normal)),
        Filter::Any(filters) => any(filters.iter().map(normal)),
        Filter::Not(filter) => match normal(filter) {
            Filter::Not(inner) => *inner,
            always if is_always(&always) => Filter::Any(Vec::new()),
            never if is_never(&never) => Filter::All(Vec::new()),
            other => Filter::Not(Box::new(other)),
        },
        Filter::Id(ids) if ids.is_empty() => Filter::Any(Vec::new()),
        other => other.clone(),
    }
}

fn is_never(filter: &Filter) -> bool {
    matches!(filter, Filter::Any(none) if none.is_empty())
}

fn is_always(filter: &Filter) -> bool {
    matches!(filter, Filter::All(none) if none.is_empty())
}

fn all(filters: impl Iterator<Item = Filter>) -> Filter {
    let mut flat = Vec::new();
    for filter in filters {
        match filter {
            never if is_never(&never) => return never,
            Filter::All(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    only(flat, Filter::All)
}

fn any(filters: impl Iterator<Item = Filter>) -> Filter {
    let (mut flat, mut ids) = (Vec::new(), Vec::new());
    let mut add = |filter| match filter {
        Filter::Id(more) => ids.extend(more),
        other => flat.push(other),
    };
    for filter in filters {
        match filter {
            always if is_always(&always) => return always,
            Filter::Any(inner) => inner.into_iter().for_each(&mut add),
            other => add(other),
        }
    }
    if !ids.is_empty() {
        flat.push(Filter::Id(ids));
    }
    only(flat, Filter::Any)
}

/// One filter stands for itself.
fn only(mut filters: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(one) if filters.is_empty() => one,
        Some(last) => {
            filters.push(last);
            many(filters)
        }
        None => many(filters),
    }
}

/// The posts of which a resource needs one to meet a filter, if the filter is about nothing else: as databases
/// hold them, with a sign.
pub(crate) fn posts(filter: &Filter) -> Option<Vec<i64>> {
    match filter {
        Filter::Post(post) => Some(vec![post.cast_signed()]),
        Filter::Any(filters) => {
            filters.iter().map(|filter| if let Filter::Post(post) = filter { Some(post.cast_signed()) } else { None }).collect()
        }
        _ => None,
    }
}

/// The parameter that a condition is about, and where the low end of a narrow interval that meets it may lie.
pub(crate) fn reach(filter: &Filter) -> Option<(ParameterNumber, i64, i64)> {
    reach_of(filter, WIDE)
}

/// The same of an interval that is at most so wide.
pub(crate) fn reach_of(filter: &Filter, width: i64) -> Option<(ParameterNumber, i64, i64)> {
    match filter {
        Filter::Number(parameter, test, _) => {
            let (from, to) = match *test {
                Test::Within(from, to) => (from, to),
                Test::Overlaps(from, to) => (from.saturating_sub(width), to),
                Test::StartsAfter(at) => (at, i64::MAX),
                Test::EndsAfter(at) => (at.saturating_sub(width), i64::MAX),
                Test::StartsBefore(at) | Test::EndsBefore(at) => (i64::MIN, at),
                Test::NotWithin(..) => return None,
            };
            Some((*parameter, from, to))
        }
        Filter::Any(filters) => {
            let mut reaches = filters.iter().map(|filter| reach_of(filter, width));
            reaches.next()?.and_then(|first| {
                reaches.try_fold(first, |(parameter, low, high), next| {
                    next.filter(|(other, ..)| *other == parameter).map(|(_, from, to)| (parameter, low.min(from), high.max(to)))
                })
            })
        }
        _ => None,
    }
}
