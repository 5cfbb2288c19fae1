//! Commits: all or nothing, only if what they expect holds, once per request.

use super::*;

pub(crate) async fn a_created_resource_is_read_back<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let written = f.store.commit(commit(vec![create("Left", "a", "one", &[1])])).await.unwrap();
    assert!(written[0].created && written[0].changed);
    let read = f.store.read(&key("Left", "a")).await.unwrap().unwrap();
    assert_eq!(written[0].version.as_deref(), Some(&*read));
    assert_eq!((read.version, read.method, read.updated), (1, Method::Create, noon().to_milliseconds()));
    let text = r#"{"resourceType":"Left","id":"a","meta":{"versionId":"1","lastUpdated":"2023-11-14T22:13:20.123Z"},"note":"one"}"#;
    assert_eq!(read.body.as_deref(), Some(text.as_bytes()));
    // The same id of another type is another resource.
    assert!(f.store.read(&key("Right", "a")).await.unwrap().is_none());
}

pub(crate) async fn versions_count_up_over_deletion_and_return<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let steps = [
        (put("Left", "a", "one", &[]), 1, true),
        (put("Left", "a", "two", &[]), 2, false),
        (delete("Left", "a"), 3, false),
        (put("Left", "a", "two", &[]), 4, true),
        (expecting(create("Left", "a", "two", &[]), Expect::Anything), 5, false),
    ];
    for (write, version, created) in steps {
        let written = f.store.commit(commit(vec![write])).await.unwrap().remove(0);
        let now = f.store.read(&key("Left", "a")).await.unwrap();
        assert_eq!((written.created, written.changed, written.version.as_ref()), (created, true, now.as_ref()));
        assert_eq!(now.unwrap().version, version);
    }
}

pub(crate) async fn the_same_content_is_no_new_version<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let first = f.store.commit(commit(vec![put("Left", "a", "one", &[])])).await.unwrap().remove(0);
    f.clock.advance(5_000_000);
    let again = f.store.commit(commit(vec![put("Left", "a", "one", &[])])).await.unwrap().remove(0);
    assert_eq!((again.version, again.created, again.changed), (first.version, false, false));
    assert_eq!(f.store.changes(0, 10).await.unwrap().len(), 1);
    let other = f.store.commit(commit(vec![put("Left", "a", "other", &[])])).await.unwrap().remove(0);
    assert!(other.changed && !other.created);
}

pub(crate) async fn expectations_are_held<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    // What is there (its version, and whether it is deleted), what is expected, and whether that holds.
    let cases = [
        (0, false, Expect::Anything, true),
        (0, false, Expect::Absent, true),
        (0, false, Expect::Version(1), false),
        (0, false, Expect::Current(None), true),
        (0, false, Expect::Current(Some(1)), false),
        (2, false, Expect::Anything, true),
        (2, false, Expect::Absent, false),
        (2, false, Expect::Version(2), true),
        (2, false, Expect::Version(1), false),
        (2, false, Expect::Current(None), false),
        (2, false, Expect::Current(Some(2)), true),
        (2, false, Expect::Current(Some(3)), false),
        (2, true, Expect::Absent, false),
        (2, true, Expect::Version(2), true),
        (2, true, Expect::Current(None), true),
        (2, true, Expect::Current(Some(1)), false),
    ];
    for (versions, deleted, expect, holds) in cases {
        for write in [put("Left", "a", "new", &[]), delete("Left", "a")] {
            let f = fresh();
            for version in 1..=versions {
                let last = deleted && version == versions;
                let write = if last { delete("Left", "a") } else { put("Left", "a", &format!("v{version}"), &[]) };
                f.store.commit(commit(vec![write])).await.unwrap();
            }
            let result = f.store.commit(commit(vec![put("Right", "b", "b", &[]), expecting(write, expect)])).await;
            match result {
                Ok(_) => assert!(holds, "{versions} {deleted} {expect:?}"),
                Err(StoreError::Unmet(Unmet::Version { write: 1, current })) => {
                    assert!(!holds, "{versions} {deleted} {expect:?}");
                    assert_eq!(current, (versions > 0).then_some(versions));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub(crate) async fn a_refused_commit_leaves_no_trace<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![put("Left", "a", "one", &[1])])).await.unwrap();
    let key_of = |n| Idempotency { key: [n; 32], request: [n; 32] };
    let refused = Commit {
        writes: vec![
            put("Left", "b", "new", &[1]),
            put("Left", "a", "two", &[2]),
            delete("Left", "a2"),
            expecting(put("Right", "c", "c", &[]), Expect::Version(7)),
        ],
        idempotency: Some(key_of(1)),
        ..Commit::default()
    };
    assert!(matches!(f.store.commit(refused).await, Err(StoreError::Unmet(Unmet::Version { write: 3, current: None }))));
    assert!(f.store.read(&key("Left", "b")).await.unwrap().is_none());
    assert_eq!(f.store.history(&HistoryPlan::of(HistoryScope::Instance(key("Left", "a")), 9)).await.unwrap().total, Some(1));
    assert_eq!(f.store.changes(0, 9).await.unwrap().len(), 1);
    for (post, found) in [(0, vec!["a"]), (1, vec!["a"]), (2, vec![])] {
        let page = f.store.search(&plan("Left", Filter::Post(post_of("Left", post)))).await.unwrap();
        assert_eq!((ids(&page), page.total), (found.iter().map(ToString::to_string).collect(), Some(found.len() as u64)));
    }
    // The request's key is not used up either.
    let good = Commit { idempotency: Some(Idempotency { request: [9; 32], ..key_of(1) }), ..commit(vec![put("Left", "b", "b", &[])]) };
    assert!(f.store.commit(good).await.unwrap()[0].created);
}

pub(crate) async fn matches_are_verified_inside<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![put("Left", "a", "a", &[1]), put("Left", "b", "b", &[1, 2])])).await.unwrap();
    let with = |post, found: &[&str], writes| {
        let plan = Plan { limit: found.len() + 1, total: false, ..plan("Left", Filter::Post(post_of("Left", post))) };
        let found = found.iter().map(|id| key("Left", id)).collect();
        Commit { matches: vec![Match { plan, found }], ..commit(writes) }
    };
    for (post, found, holds) in [
        (1, &["a", "b"][..], true),
        (1, &["b", "a"], true),
        (1, &["a"], false),
        (1, &["a", "c"], false),
        (1, &[], false),
        (2, &["b"], true),
        (2, &["a"], false),
        (3, &[], true),
        (3, &["a"], false),
    ] {
        match f.store.commit(with(post, found, vec![])).await {
            Ok(_) => assert!(holds, "{post} {found:?}"),
            Err(StoreError::Unmet(Unmet::Match(0))) => assert!(!holds, "{post} {found:?}"),
            Err(error) => panic!("{error}"),
        }
    }
    // Two conditional creates at once: the second one sees what the first one wrote.
    let first = f.store.commit(with(5, &[], vec![create("Left", "x", "x", &[5])]));
    let second = f.store.commit(with(5, &[], vec![create("Left", "y", "y", &[5])]));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok());
    assert!(matches!(second, Err(StoreError::Unmet(Unmet::Match(0)))));
}

pub(crate) async fn deleting_nothing_changes_nothing<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let never = f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap().remove(0);
    assert_eq!((never.version, never.created, never.changed), (None, false, false));
    f.store.commit(commit(vec![put("Left", "a", "a", &[])])).await.unwrap();
    let gone = f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap().remove(0);
    let version = gone.version.clone().unwrap();
    assert_eq!((version.version, version.method, version.body.is_none(), gone.changed), (2, Method::Delete, true, true));
    let again = f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap().remove(0);
    assert_eq!((again.version, again.created, again.changed), (gone.version, false, false));
    assert_eq!(f.store.changes(0, 9).await.unwrap().len(), 2);
}

pub(crate) async fn a_request_sent_again_is_answered_again<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![put("Left", "b", "b", &[])])).await.unwrap();
    let request = |n, note| Commit {
        idempotency: Some(Idempotency { key: [1; 32], request: [n; 32] }),
        ..commit(vec![
            expecting(put("Left", "a", note, &[]), Expect::Absent),
            delete("Left", "b"),
            delete("Left", "never"),
            put("Right", "c", "c", &[]),
        ])
    };
    let told = |written: Vec<Written>| written.into_iter().map(|w| (w.version, w.created, w.changed)).collect::<Vec<_>>();
    let first = told(f.store.commit(request(1, "one")).await.unwrap());
    // Even when the resources have moved on since.
    f.store.commit(commit(vec![put("Left", "a", "later", &[]), put("Left", "b", "back", &[])])).await.unwrap();
    let again = told(f.store.commit(request(1, "one")).await.unwrap());
    assert_eq!(first, again);
    assert_eq!(note(f.store.read(&key("Left", "a")).await.unwrap().unwrap().body.as_ref().unwrap()), "later");
    assert_eq!(f.store.changes(0, 20).await.unwrap().len(), 6);
    assert!(matches!(f.store.commit(request(2, "two")).await, Err(StoreError::Unmet(Unmet::Idempotency))));
}

pub(crate) async fn times_are_milliseconds_and_never_go_back<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let mut last = Instant(i64::MIN);
    for (i, step) in [0, 700, 1_500, -3_000_000, 10, 5_000_000].into_iter().enumerate() {
        f.clock.advance(step);
        let written = f.store.commit(commit(vec![put("Left", "a", &format!("{i}"), &[])])).await.unwrap().remove(0);
        let updated = written.version.unwrap().updated;
        assert!(updated >= last && updated == updated.to_milliseconds());
        last = updated;
    }
    assert_eq!(last, Instant(noon().0 + 2_002_210).to_milliseconds());
}

pub(crate) async fn many_writers_at_once<S: Store + 'static>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..200_u32 {
        let store = Arc::clone(&f.store);
        tasks.spawn(async move {
            // Twenty compete for each of ten ids; one of them wins.
            let write = expecting(put("Left", &format!("n{}", i % 10), &format!("{i}"), &[u64::from(i % 7)]), Expect::Absent);
            store.commit(commit(vec![write])).await.is_ok()
        });
    }
    let winners = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 10);
    let page = f.store.search(&plan("Left", Filter::All(Vec::new()))).await.unwrap();
    assert_eq!((page.hits.len(), page.total), (10, Some(10)));
}
