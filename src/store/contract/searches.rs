//! Searches with known answers.

use super::*;

fn with(id: &str, posts: &[u64], numbers: &[(u32, i64, i64, u64)], texts: &[(u32, &str)]) -> Write {
    let mut write = put("Left", id, id, posts);
    if let Write::Put { rows, .. } = &mut write {
        rows.numbers = numbers.iter().map(|&(p, low, high, unit)| NumberRow { parameter: 100 + p, low, high, unit }).collect();
        rows.texts = texts.iter().map(|&(p, text)| TextRow { parameter: 100 + p, text: text.to_owned() }).collect();
    }
    write
}

async fn check<S: Store>(f: &Fresh<S>, filter: Filter, found: &[&str]) {
    let page = f.store.search(&plan("Left", filter.clone())).await.unwrap();
    assert_eq!((ids(&page), page.total), (found.iter().map(ToString::to_string).collect(), Some(found.len() as u64)), "{filter:?}");
    let count = f.store.search(&Plan { limit: 0, ..plan("Left", filter) }).await.unwrap();
    assert_eq!((count.hits.len(), count.more, count.total), (0, false, Some(found.len() as u64)));
}

fn post(post: u64) -> Filter {
    Filter::Post(post_of("Left", post))
}

pub(crate) async fn finds_by_each_kind_of_row<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let unit = |system: u64, code: u64| system << 32 | code;
    f.store
        .commit(commit(vec![
            with("a", &[1, 2], &[(1, 10, 20, 0), (1, 50, 50, unit(0xFFFF_FFFF, 7))], &[(2, "müller"), (2, "mül_er%")]),
            with("b", &[2], &[(1, 15, 30, 0)], &[(2, "muller")]),
            with("c", &[], &[(1, i64::MIN, i64::MAX, unit(1, 7))], &[(2, "schmidt"), (3, "müller")]),
            put("Right", "d", "d", &[1, 2]),
        ]))
        .await
        .unwrap();
    let number = |test| Filter::Number(101, test, Unit::Any);
    let start = |text: &str| Filter::TextStart(102, text.to_owned());
    let part = |text: &str| Filter::TextPart(102, text.to_owned());
    let id = |ids: &[&str]| Filter::Id(ids.iter().map(|id| Id::new(id).unwrap()).collect());
    for (filter, found) in [
        (Filter::All(vec![]), &["c", "b", "a"][..]),
        (Filter::Any(vec![]), &[]),
        (post(1), &["a"]),
        (post(2), &["b", "a"]),
        (post(9), &[]),
        (Filter::Not(Box::new(post(1))), &["c", "b"]),
        (number(Test::Within(10, 20)), &["a"]),
        (number(Test::Within(10, 30)), &["b", "a"]),
        (number(Test::NotWithin(0, 40)), &["c", "a"]),
        (number(Test::Overlaps(20, 25)), &["c", "b", "a"]),
        (number(Test::Overlaps(25, 26)), &["c", "b"]),
        (number(Test::StartsBefore(10)), &["c"]),
        (number(Test::StartsAfter(10)), &["b", "a"]),
        (number(Test::EndsBefore(30)), &["a"]),
        (number(Test::EndsAfter(30)), &["c", "a"]),
        (Filter::Number(101, Test::EndsAfter(0), Unit::Exactly(unit(0xFFFF_FFFF, 7))), &["a"]),
        (Filter::Number(101, Test::EndsAfter(0), Unit::Code(7)), &["c", "a"]),
        (Filter::Number(101, Test::EndsAfter(60), Unit::Code(7)), &["c"]),
        (Filter::Number(101, Test::EndsAfter(0), Unit::Code(8)), &[]),
        (Filter::Number(100, Test::Within(noon().to_milliseconds().0, noon().0), Unit::Any), &["c", "b", "a"]),
        (start("mü"), &["a"]),
        (start("mul"), &["b"]),
        (start("m"), &["b", "a"]),
        (start("müllerx"), &[]),
        (start(""), &["c", "b", "a"]),
        (part("ller"), &["b", "a"]),
        (part("_"), &["a"]),
        (part("%"), &["a"]),
        (part(""), &["c", "b", "a"]),
        (id(&["b", "nobody", "a"]), &["b", "a"]),
        (id(&["d"]), &[]),
        (id(&[]), &[]),
        (Filter::Not(Box::new(id(&["b"]))), &["c", "a"]),
    ] {
        check(&f, filter, found).await;
    }
}

pub(crate) async fn updates_and_deletions_leave_no_rows<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![with("a", &[1, 2], &[(1, 1, 1, 0)], &[(2, "x")]), with("b", &[1], &[], &[])])).await.unwrap();
    f.store.commit(commit(vec![with("b", &[3], &[(1, 5, 6, 0)], &[(2, "y")])])).await.unwrap();
    // The content is the same, so nothing changes, rows included.
    check(&f, post(1), &["b", "a"]).await;
    let mut other = with("b", &[3], &[(1, 5, 6, 0)], &[(2, "y")]);
    if let Write::Put { body: content, key, .. } = &mut other {
        *content = body(key, "other");
    }
    f.clock.advance(60_000_000);
    f.store.commit(commit(vec![other])).await.unwrap();
    f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap();
    let updated = |test| Filter::Number(100, test, Unit::Any);
    for (filter, found) in [
        (post(1), &[][..]),
        (post(2), &[]),
        (post(3), &["b"]),
        (Filter::Number(101, Test::EndsAfter(0), Unit::Any), &["b"]),
        (Filter::TextStart(102, String::new()), &["b"]),
        (updated(Test::EndsBefore(noon().0 + 1)), &[]),
        (updated(Test::StartsAfter(noon().0)), &["b"]),
        (Filter::Id(vec![Id::new("a").unwrap()]), &[]),
        (Filter::All(vec![]), &["b"]),
    ] {
        check(&f, filter, found).await;
    }
    // What comes back keeps its old place in the order.
    f.store.commit(commit(vec![with("a", &[3], &[], &[])])).await.unwrap();
    check(&f, post(3), &["b", "a"]).await;
}

pub(crate) async fn pages_and_totals<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let all = (0..10).map(|i| with(&format!("n{i}"), &[i % 2 + 1], &[(1, i64::try_from(i).unwrap(), 100, 0)], &[])).collect();
    f.store.commit(commit(all)).await.unwrap();
    let ascending = vec![Sort { by: SortBy::Number(101), descending: false }];
    for (sort, first) in [(vec![], "n8"), (ascending, "n0")] {
        let mut plan = Plan { sort, limit: 2, ..plan("Left", post(1)) };
        let mut seen = Vec::new();
        loop {
            let page = f.store.search(&plan).await.unwrap();
            assert_eq!((page.total, page.more), (Some(5), seen.len() < 3));
            seen.extend(ids(&page));
            if !page.more {
                break;
            }
            plan.after = page.hits.last().map(|hit| hit.place.clone());
        }
        assert_eq!((seen.len(), seen[0].as_str()), (5, first));
    }
}

pub(crate) async fn nested_filters<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![with("a", &[1], &[], &[]), with("b", &[2], &[], &[]), with("c", &[1, 2], &[], &[])])).await.unwrap();
    let not = |filter| Filter::Not(Box::new(filter));
    for (filter, found) in [
        (Filter::All(vec![post(1), post(2)]), &["c"][..]),
        (Filter::Any(vec![post(1), post(2)]), &["c", "b", "a"]),
        (Filter::All(vec![post(1), not(post(2))]), &["a"]),
        (not(Filter::All(vec![post(1), post(2)])), &["b", "a"]),
        (not(Filter::Any(vec![post(1), post(2)])), &[]),
        (not(not(post(1))), &["c", "a"]),
        (Filter::All(vec![Filter::Any(vec![post(1)]), Filter::All(vec![Filter::All(vec![]), post(2)])]), &["c"]),
        (Filter::Any(vec![Filter::All(vec![]), post(9)]), &["c", "b", "a"]),
        (Filter::All(vec![Filter::Any(vec![]), post(1)]), &[]),
        (not(Filter::Any(vec![])), &["c", "b", "a"]),
        (not(Filter::All(vec![])), &[]),
    ] {
        check(&f, filter, found).await;
    }
}

pub(crate) async fn many_alternatives<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit((0..20).map(|i| with(&format!("n{i}"), &[i + 1], &[], &[])).collect())).await.unwrap();
    for (from, found) in [(10, 11), (1, 20), (1000, 0)] {
        let alternatives: Vec<Filter> = (from..from + 3000).map(post).collect();
        let mixed = alternatives.iter().take(700).flat_map(|one| [one.clone(), Filter::All(vec![one.clone(), post(0)])]).collect();
        for filter in [Filter::Any(alternatives), Filter::Any(mixed)] {
            let both = Filter::All(vec![filter.clone(), Filter::Not(Box::new(post(3)))]);
            assert_eq!(f.store.search(&plan("Left", filter.clone())).await.unwrap().total, Some(found), "{from}");
            assert_eq!(f.store.search(&plan("Left", both)).await.unwrap().total, Some(if from == 1 { 19 } else { found }), "{from}");
            let none = Filter::All(vec![Filter::Not(Box::new(filter)), post(0)]);
            assert_eq!(f.store.search(&plan("Left", none)).await.unwrap().total, Some(20 - found), "{from}");
        }
    }
    let ids = (0..2000).map(|i| Id::new(&format!("n{i}")).unwrap()).collect();
    assert_eq!(f.store.search(&plan("Left", Filter::Id(ids))).await.unwrap().total, Some(20));
}
