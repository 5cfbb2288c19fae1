//! Random commits and random searches: every store answers as the naive one does, row by row and page by page.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

const KINDS: [&str; 2] = ["Left", "Right"];
const UNITS: [u64; 4] = [0, 7, 1 << 32 | 7, 0xFFFF_FFFF_0000_0008];
const TEXTS: [&str; 9] = ["", "a", "ab", "abc", "b", "ba", "zä", "\u{10FFFF}", "\u{D7FF}x"];

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KINDS[..])
}

fn id() -> impl Strategy<Value = String> {
    (0..14_u32).prop_map(|n| format!("{}{n}", if n % 3 == 0 { "x" } else { "N" }))
}

fn value() -> impl Strategy<Value = i64> {
    prop_oneof![8 => -5..6_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
}

/// Parameter and target of references; the parameters are those of either type, from 6 on.
fn links() -> impl Strategy<Value = Vec<(u32, String)>> {
    prop::collection::vec((6..8_u32, kind(), id()).prop_map(|(parameter, kind, id)| (parameter, format!("{kind}/{id}"))), 0..3)
}

fn random_rows() -> impl Strategy<Value = (Vec<u64>, Vec<NumberRow>, Vec<TextRow>)> {
    let number = (1..3_u32, value(), value(), prop::sample::select(&UNITS[..])).prop_map(|(parameter, a, b, unit)| NumberRow {
        parameter,
        low: a.min(b),
        high: a.max(b),
        unit,
    });
    let text = (3..5_u32, prop::sample::select(&TEXTS[..])).prop_map(|(parameter, text)| TextRow { parameter, text: text.to_owned() });
    (prop::collection::vec(1..8_u64, 0..5), prop::collection::vec(number, 0..4), prop::collection::vec(text, 0..3))
}

fn write() -> impl Strategy<Value = Write> {
    let expect = prop_oneof![
        20 => Just(Expect::Anything),
        1 => Just(Expect::Absent),
        1 => (1..4_u64).prop_map(Expect::Version),
        1 => Just(Expect::Current(None)),
        1 => (1..4_u64).prop_map(|version| Expect::Current(Some(version))),
    ];
    (kind(), id(), 0..3_u32, random_rows(), links(), expect, 0..8_u32).prop_map(
        |(kind, id, text, (posts, numbers, texts), links, expect, what)| {
            // The note tells the rows, so that other rows are other content.
            let told: Vec<_> = texts.iter().map(|row| row.text.len()).collect();
            let joined = links.iter().map(|(parameter, target)| format!("{parameter}{target}")).collect::<String>();
            let mut write = put(kind, &id, &format!("{text} {posts:?} {numbers:?} {told:?} {joined}"), &posts);
            if let Write::Put { rows, method, .. } = &mut write {
                let own = |parameter| base(kind) + parameter;
                rows.numbers = numbers.iter().map(|row| NumberRow { parameter: own(row.parameter), ..*row }).collect();
                rows.texts = texts.iter().map(|row| TextRow { parameter: own(row.parameter), text: row.text.clone() }).collect();
                for (parameter, target) in links {
                    rows.posts.push(key::reference(own(parameter), &target));
                    rows.links.push(LinkRow { parameter: own(parameter), target });
                }
                // Two elements of a composite (parameter 9), whose values are dealt out between them.
                let deal = |one: usize| {
                    let posts = rows.posts.iter().enumerate().filter(|(i, _)| i % 2 == one).map(|(_, post)| *post).collect();
                    let numbers = rows.numbers.iter().enumerate().filter(|(i, _)| i % 2 == one).map(|(_, row)| *row).collect();
                    let parts = vec![Rows { posts, ..Rows::default() }, Rows { numbers, ..Rows::default() }];
                    GroupRow { parameter: own(9), parts }
                };
                rows.groups = vec![deal(0), deal(1)];
                if what == 1 {
                    *method = Method::Create;
                }
            }
            match (what, write) {
                (0, _) => expecting(delete(kind, &id), expect),
                // Other rows for a version that is there, or was, or is not yet.
                (2, Write::Put { key, rows, .. }) => Write::Index { key, version: u64::from(text) + 1, rows },
                (_, write) => expecting(write, expect),
            }
        },
    )
}

fn random_commit() -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec(write(), 1..8).prop_map(|mut writes| {
        let mut seen = std::collections::HashSet::new();
        writes.retain(|write| seen.insert(write.key().to_string()));
        writes
    })
}

fn test() -> impl Strategy<Value = Test> {
    (0..7_u8, value(), value()).prop_map(|(which, a, b)| match which {
        0 => Test::Within(a, b),
        1 => Test::NotWithin(a, b),
        2 => Test::Overlaps(a, b),
        3 => Test::StartsBefore(a),
        4 => Test::StartsAfter(a),
        5 => Test::EndsBefore(a),
        _ => Test::EndsAfter(a),
    })
}

/// Filters that look at one resource, then chains and `_has` over them, and all of these put together.
fn filter(kind: &'static str) -> impl Strategy<Value = Filter> {
    let other = prop::sample::select(&KINDS[..]);
    let joined = (other, 6..8_u32, any::<bool>()).prop_flat_map(move |(other, parameter, forward)| {
        let (from, to) = if forward { (kind, other) } else { (other, kind) };
        leaves(other).prop_map(move |filter| {
            let link = Box::new(Link { parameter: base(from) + parameter, from: searched(from), to: searched(to), filter });
            if forward { Filter::Linked(link) } else { Filter::Referenced(link) }
        })
    });
    nested(prop_oneof![5 => leaf(kind), 1 => joined].boxed())
}

fn leaves(kind: &'static str) -> impl Strategy<Value = Filter> {
    nested(leaf(kind).boxed())
}

fn nested(leaf: BoxedStrategy<Filter>) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            1 => inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

/// Asks for the length of the stored text, which is as good as any other question.
fn probe(at_least: Option<usize>) -> Probe {
    let ask = move |body: &[u8]| match at_least {
        Some(least) => Found::Holds(note(&Bytes::copy_from_slice(body)).len() >= least),
        None => Found::Values(vec![SortValue::Text(note(&Bytes::copy_from_slice(body))), SortValue::Text("~".to_owned())]),
    };
    Probe { name: "note".into(), ask: Arc::new(ask) }
}

fn leaf(kind: &'static str) -> impl Strategy<Value = Filter> {
    let base = base(kind);
    let unit = prop_oneof![
        3 => Just(Unit::Any),
        1 => prop::sample::select(&UNITS[..]).prop_map(Unit::Exactly),
        1 => (6..9_u32).prop_map(Unit::Code)
    ];
    let text = || prop::sample::select(&TEXTS[..]).prop_map(str::to_owned);
    prop_oneof![
        6 => (0..9_u64).prop_map(move |post| Filter::Post(post_of(kind, post))),
        3 => (1..3_u32, test(), unit).prop_map(move |(p, test, unit)| Filter::Number(base + p, test, unit)),
        2 => (1..3_u32, value(), value(), any::<[bool; 2]>()).prop_map(move |(p, a, b, [starts, ends])| {
            let from = if starts { Test::StartsAfter(a) } else { Test::EndsAfter(a) };
            let to = if ends { Test::EndsBefore(b) } else { Test::StartsBefore(b) };
            let number = move |test| Filter::Number(base + p, test, Unit::Any);
            // As "ge" tells it: beyond the value, or inside of it.
            Filter::All(vec![Filter::Any(vec![number(from), number(Test::Within(a, a))]), number(to)])
        }),
        1 => (0..4_i64).prop_map(move |ms| Filter::Number(base, Test::EndsAfter(noon().0 + ms * 1000), Unit::Any)),
        2 => (3..5_u32, text()).prop_map(move |(p, text)| Filter::TextStart(base + p, text)),
        1 => (3..5_u32, text()).prop_map(move |(p, text)| Filter::TextPart(base + p, text)),
        1 => prop::collection::vec(id(), 0..5).prop_map(|ids| Filter::Id(ids.iter().map(|id| Id::new(id).unwrap()).collect())),
        1 => (0..9_u64, test()).prop_map(move |(post, test)| {
            let parts = vec![Filter::Post(post_of(kind, post)), Filter::Number(base + 1, test, Unit::Any)];
            let necessary = parts.clone();
            Filter::All(necessary.into_iter().chain([Filter::Group(base + 9, parts)]).collect())
        }),
        1 => (0..60_usize).prop_map(|least| Filter::Probe(probe(Some(least)))),
    ]
}

fn random_plan() -> impl Strategy<Value = Plan> {
    kind().prop_flat_map(|kind| {
        let base = base(kind);
        let by = prop_oneof![
            3 => (0..3_u32).prop_map(move |p| SortBy::Number(base + p)),
            2 => (3..5_u32).prop_map(move |p| SortBy::Text(base + p)),
            1 => Just(SortBy::Id),
            1 => Just(SortBy::Updated),
            1 => Just(SortBy::Probe(probe(None)))
        ];
        let sort = (by, any::<bool>()).prop_map(|(by, descending)| Sort { by, descending });
        let sorts = prop_oneof![2 => Just(vec![]), 4 => sort.clone().prop_map(|sort| vec![sort]), 1 => prop::collection::vec(sort, 2..4)];
        // Now and then over both types, with a filter that holds for either.
        let of = prop_oneof![4 => Just(vec![searched(kind)]), 1 => Just(KINDS.map(searched).to_vec())];
        (of, filter(kind), sorts, 0..6_usize, any::<bool>()).prop_map(move |(of, filter, sort, limit, total)| Plan {
            of,
            sort,
            limit,
            total,
            ..plan(kind, filter)
        })
    })
}

/// A version and its sort values.
type Told<'p> = (&'p Version, &'p [Option<SortValue>]);

/// What a page says, without what only one store knows.
fn told(page: &Page) -> (Vec<Told<'_>>, bool, Option<u64>) {
    (page.hits.iter().map(|hit| (&*hit.version, &hit.place.values[..])).collect(), page.more, page.total)
}

pub(crate) async fn agrees_with_the_oracle<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for _ in 0..24 {
        let (f, oracle) = (fresh(), naive());
        let commits = prop::collection::vec((random_commit(), 0..3_i64), 5..40).new_tree(&mut runner).unwrap().current();
        let mut done = Vec::new();
        for (writes, step) in commits {
            f.clock.advance(step * 500);
            oracle.clock.advance(step * 500);
            let (result, wanted) = (f.store.commit(commit(writes.clone())).await, oracle.store.commit(commit(writes.clone())).await);
            done.push(writes);
            assert_eq!(format!("{result:?}"), format!("{wanted:?}"), "after {done:#?}");
            for _ in 0..6 {
                let plan = random_plan().new_tree(&mut runner).unwrap().current();
                agree(&*f.store, &oracle.store, plan, &done).await;
            }
        }
        for _ in 0..12 {
            let plan = random_history().new_tree(&mut runner).unwrap().current();
            agree_on_history(&*f.store, &oracle.store, plan, &done).await;
        }
        assert_eq!(f.store.changes(0, 10_000).await.unwrap(), oracle.store.changes(0, 10_000).await.unwrap());
    }
}

fn random_history() -> impl Strategy<Value = HistoryPlan> {
    let moment = || (-2..60_i64).prop_map(|half| Instant(noon().to_milliseconds().0 + half * 1000));
    let scope = prop_oneof![
        1 => Just(HistoryScope::System),
        1 => kind().prop_map(|kind| HistoryScope::Type(key(kind, "x").kind)),
        1 => (kind(), id()).prop_map(|(kind, id)| HistoryScope::Instance(key(kind, &id))),
    ];
    let at = (moment(), moment()).prop_map(|(a, b)| (a.min(b), Instant(a.max(b).0 + 1000)));
    (scope, prop::option::of(moment()), prop::option::of(at), 1..6_usize).prop_map(|(scope, since, at, count)| HistoryPlan {
        since,
        at,
        ..HistoryPlan::of(scope, count)
    })
}

/// Both stores tell the same versions in the same order, however they cut them into pages.
async fn agree_on_history(store: &impl Store, oracle: &Naive, plan: HistoryPlan, done: &[Vec<Write>]) {
    let all = async |store: &dyn Store| {
        let (mut plan, mut versions, mut total) = (plan.clone(), Vec::new(), None);
        loop {
            let page = store.history(&plan).await.unwrap();
            total = page.total.or(total);
            versions.extend(page.versions);
            plan.after = page.next;
            if plan.after.is_none() {
                return (versions, total);
            }
        }
    };
    let ((told, total), (right, number)) = (all(store).await, all(oracle).await);
    assert_eq!(told, right, "{plan:#?} after {done:#?}");
    assert!(total.is_none() || total == number, "{total:?} {number:?} {plan:#?}");
}

/// Both stores give the same, page by page to the end.
async fn agree(store: &impl Store, oracle: &Naive, mut plan: Plan, done: &[Vec<Write>]) {
    let mut wanted = plan.clone();
    loop {
        let (page, right) = (store.search(&plan).await.unwrap(), oracle.search(&wanted).await.unwrap());
        assert_eq!(told(&page), told(&right), "{plan:#?} after {done:#?}");
        if !page.more {
            return;
        }
        plan.after = page.hits.last().map(|hit| hit.place.clone());
        wanted.after = right.hits.last().map(|hit| hit.place.clone());
    }
}
