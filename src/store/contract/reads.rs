//! Reading versions, histories and the change feed.

use super::*;

pub(crate) async fn history_is_paged_newest_first<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    for i in 1..=4 {
        f.store.commit(commit(vec![put("Left", "a", &format!("{i}"), &[]), put("Left", "b", &format!("{i}"), &[])])).await.unwrap();
    }
    f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap();
    let of = |id| HistoryScope::Instance(key("Left", id));
    for (after, count, versions, next) in [
        (None, 10, vec![5, 4, 3, 2, 1], None),
        (None, 5, vec![5, 4, 3, 2, 1], None),
        (None, 2, vec![5, 4], Some(4)),
        (Some(5), 2, vec![4, 3], Some(3)),
        (Some(3), 10, vec![2, 1], None),
        (Some(1), 10, vec![], None),
        (Some(i64::MAX), 1, vec![5], Some(5)),
        (None, 0, vec![], None),
    ] {
        let history = f.store.history(&HistoryPlan { after, ..HistoryPlan::of(of("a"), count) }).await.unwrap();
        let told: Vec<_> = history.versions.iter().map(|one| one.version).collect();
        assert_eq!((told, history.next, history.total), (versions, next, Some(5)), "{after:?} {count}");
    }
    let newest = f.store.history(&HistoryPlan::of(of("a"), 2)).await.unwrap().versions;
    assert_eq!((newest[0].method, newest[0].body.is_none(), note(newest[1].body.as_ref().unwrap())), (Method::Delete, true, "4".into()));
    assert_eq!(f.store.history(&HistoryPlan::of(of("never"), 9)).await.unwrap().total, Some(0));
}

/// All versions of a history in pages of `count`, while `between` pages others write.
async fn walk<S: Store>(store: &S, plan: &HistoryPlan, between: &[Write]) -> Vec<String> {
    let (mut plan, mut told) = (plan.clone(), Vec::new());
    loop {
        let page = store.history(&plan).await.unwrap();
        assert!(page.versions.len() <= plan.count);
        told.extend(page.versions.iter().map(|one| format!("{}:{}", one.key, one.version)));
        let Some(next) = page.next else { return told };
        assert!(plan.after.is_none_or(|after| next < after), "the walk goes on");
        plan.after = Some(next);
        for write in between {
            store.commit(commit(vec![write.clone()])).await.unwrap();
        }
    }
}

pub(crate) async fn histories_of_types_and_of_everything<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let start = noon().to_milliseconds();
    let steps = [
        vec![create("Left", "a", "1", &[]), create("Right", "b", "1", &[])],
        vec![put("Left", "a", "2", &[])],
        vec![delete("Right", "b")],
        vec![put("Left", "c", "1", &[]), put("Left", "a", "3", &[])],
        vec![delete("Left", "a")],
    ];
    for writes in steps {
        f.store.commit(commit(writes)).await.unwrap();
        f.clock.advance(10_000);
    }
    let at = |step: i64| Instant(start.0 + step * 10_000);
    let left = HistoryScope::Type(key("Left", "a").kind);
    let right = HistoryScope::Type(key("Right", "a").kind);
    let a = HistoryScope::Instance(key("Left", "a"));
    let all = "Left/a:4 Left/a:3 Left/c:1 Right/b:2 Left/a:2 Right/b:1 Left/a:1";
    for (scope, since, during, told) in [
        (HistoryScope::System, None, None, all),
        (left.clone(), None, None, "Left/a:4 Left/a:3 Left/c:1 Left/a:2 Left/a:1"),
        (right.clone(), None, None, "Right/b:2 Right/b:1"),
        (a.clone(), None, None, "Left/a:4 Left/a:3 Left/a:2 Left/a:1"),
        (HistoryScope::System, Some(at(3)), None, "Left/a:4 Left/a:3 Left/c:1"),
        (HistoryScope::System, Some(Instant(at(3).0 + 1000)), None, "Left/a:4"),
        (HistoryScope::System, Some(at(9)), None, ""),
        (right.clone(), Some(at(1)), None, "Right/b:2"),
        (a.clone(), Some(at(3)), None, "Left/a:4 Left/a:3"),
        // A moment: what was current then, but nothing that was deleted before.
        (HistoryScope::System, None, Some((at(0), Instant(at(0).0 + 1000))), "Right/b:1 Left/a:1"),
        (HistoryScope::System, None, Some((Instant(at(1).0 + 1000), Instant(at(1).0 + 2000))), "Left/a:2 Right/b:1"),
        (HistoryScope::System, None, Some((at(2), Instant(at(2).0 + 1000))), "Right/b:2 Left/a:2"),
        (HistoryScope::System, None, Some((Instant(at(2).0 + 1000), at(3))), "Left/a:2"),
        (HistoryScope::System, None, Some((at(7), at(8))), "Left/c:1"),
        (HistoryScope::System, None, Some((at(-9), at(0))), ""),
        // A period: what was written in it, and what was there when it began.
        (HistoryScope::System, None, Some((Instant(at(1).0 + 1000), at(9))), "Left/a:4 Left/a:3 Left/c:1 Right/b:2 Left/a:2 Right/b:1"),
        (left.clone(), None, Some((at(2), at(4))), "Left/a:3 Left/c:1 Left/a:2"),
        (a.clone(), None, Some((at(2), at(4))), "Left/a:3 Left/a:2"),
        (a.clone(), Some(at(3)), Some((at(2), at(4))), "Left/a:3"),
        (right, None, Some((at(3), at(9))), ""),
    ] {
        for count in [1, 2, 3, 100] {
            let plan = HistoryPlan { since, at: during, ..HistoryPlan::of(scope.clone(), count) };
            assert_eq!(walk(&*f.store, &plan, &[]).await.join(" "), told, "{plan:?}");
        }
    }
    for (scope, total) in [(HistoryScope::System, 7), (left, 5), (a, 4)] {
        assert_eq!(f.store.history(&HistoryPlan::of(scope, 0)).await.unwrap().total, Some(total));
    }
    // Whoever writes meanwhile does not disturb a walk.
    let writes =
        [put("Left", "c", "x", &[]), delete("Left", "c"), create("Right", "later", "1", &[])].map(|w| expecting(w, Expect::Anything));
    assert_eq!(walk(&*f.store, &HistoryPlan::of(HistoryScope::System, 2), &writes).await.join(" "), all);
}

pub(crate) async fn versions_are_read<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![put("Left", "a", "one", &[])])).await.unwrap();
    f.store.commit(commit(vec![put("Left", "a", "two", &[])])).await.unwrap();
    f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap();
    let a = key("Left", "a");
    for (number, found) in [(1, Some(Some("one"))), (2, Some(Some("two"))), (3, Some(None)), (4, None), (0, None), (u64::MAX, None)] {
        let version = f.store.read_version(&a, number).await.unwrap();
        let told = version.as_ref().map(|version| version.body.as_ref().map(note));
        assert_eq!(told, found.map(|body| body.map(str::to_owned)), "{number}");
        assert!(version.is_none_or(|version| version.version == number && version.key == a));
    }
    assert!(f.store.read_version(&key("Right", "a"), 1).await.unwrap().is_none());
}

pub(crate) async fn the_change_feed_is_complete_and_gapless<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    f.store.commit(commit(vec![create("Left", "a", "1", &[]), create("Right", "b", "1", &[])])).await.unwrap();
    f.clock.advance(1000);
    f.store.commit(commit(vec![put("Left", "a", "2", &[])])).await.unwrap();
    f.store.commit(commit(vec![put("Left", "a", "2", &[])])).await.unwrap();
    f.store.commit(commit(vec![expecting(put("Left", "a", "3", &[]), Expect::Version(9))])).await.unwrap_err();
    f.store.commit(commit(vec![delete("Right", "b"), delete("Right", "c")])).await.unwrap();
    let all = f.store.changes(0, 100).await.unwrap();
    let told: Vec<String> =
        all.iter().map(|change| format!("{} {} {} {}", change.sequence, change.key, change.version, change.method.verb())).collect();
    assert_eq!(told, ["1 Left/a 1 POST", "2 Right/b 1 POST", "3 Left/a 2 PUT", "4 Right/b 2 DELETE"]);
    assert_eq!((all[1].updated, all[2].updated), (noon().to_milliseconds(), Instant(noon().0 + 1000).to_milliseconds()));
    assert_eq!(f.store.changes(1, 2).await.unwrap(), all[1..3]);
    assert_eq!(f.store.changes(4, 2).await.unwrap(), []);
}

pub(crate) async fn a_closed_store_says_so<S: Store + 'static>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..20 {
        let store = Arc::clone(&f.store);
        tasks.spawn(async move { store.commit(commit(vec![put("Left", &format!("n{i}"), "x", &[])])).await });
    }
    tasks.spawn({
        let store = Arc::clone(&f.store);
        async move { store.close().await.map(|()| Vec::new()) }
    });
    // Each commit is either done or told that the store is closing, never left without an answer.
    for result in tasks.join_all().await {
        assert!(matches!(result, Ok(_) | Err(StoreError::Closed)), "{result:?}");
    }
    assert!(matches!(f.store.commit(commit(vec![put("Left", "a", "x", &[])])).await, Err(StoreError::Closed)));
    assert!(matches!(f.store.search(&plan("Left", Filter::All(vec![]))).await, Err(StoreError::Closed)));
}

pub(crate) async fn a_store_keeps_its_secret<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    assert_eq!(f.store.secret([1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(f.store.secret([2; 32]).await.unwrap(), [1; 32]);
}
