//! Reading versions, histories and the change feed.

use super::*;

pub(crate) async fn history_is_paged_newest_first<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    for i in 1..=4 {
        f.store.commit(commit(vec![put("Left", "a", &format!("{i}"), &[]), put("Left", "b", &format!("{i}"), &[])])).await.unwrap();
    }
    f.store.commit(commit(vec![delete("Left", "a")])).await.unwrap();
    let a = key("Left", "a");
    for (before, count, versions) in [
        (None, 10, vec![5, 4, 3, 2, 1]),
        (None, 2, vec![5, 4]),
        (Some(5), 2, vec![4, 3]),
        (Some(3), 10, vec![2, 1]),
        (Some(1), 10, vec![]),
        (Some(u64::MAX), 1, vec![5]),
        (None, 0, vec![]),
    ] {
        let history = f.store.history(&a, before, count).await.unwrap();
        assert_eq!((history.versions.iter().map(|one| one.version).collect::<Vec<_>>(), history.total), (versions, 5));
    }
    let newest = f.store.history(&a, None, 2).await.unwrap().versions;
    assert_eq!((newest[0].method, newest[0].body.is_none(), note(newest[1].body.as_ref().unwrap())), (Method::Delete, true, "4".into()));
    assert_eq!(f.store.history(&key("Left", "never"), None, 9).await.unwrap().total, 0);
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
