//! Search parameters of the server's own: generations of definitions, and index rows that are replaced by themselves.

use super::*;

fn definition(id: &str, text: Option<&'static str>) -> Definition {
    Definition { id: Id::new(id).unwrap(), text: text.map(|text| text.as_bytes().into()) }
}

pub(crate) async fn definitions_make_generations<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    assert_eq!(f.store.parameters().await.unwrap(), Parameters::default());
    let define = |generation, definitions: Vec<Definition>, id: &str| Commit {
        generation,
        definitions,
        ..commit(vec![put("Left", id, "one", &[1])])
    };
    f.store.commit(define(0, vec![definition("p", Some("one")), definition("q", Some("two"))], "a")).await.unwrap();
    let both = f.store.parameters().await.unwrap();
    assert_eq!(both.generation, 1);
    let told: Vec<_> = both.stored.iter().map(|stored| (stored.progress.id.as_str(), stored.progress.since, &*stored.text)).collect();
    assert_eq!(told, [("p", 1, &b"one"[..]), ("q", 1, b"two")]);
    assert!(both.stored.iter().all(|stored| stored.progress.text.is_empty()));
    // Whoever is behind, or ahead, writes nothing.
    for generation in [0, 2] {
        let refused = f.store.commit(define(generation, vec![definition("p", None)], "b")).await;
        assert!(matches!(refused, Err(StoreError::Unmet(Unmet::Catalog))), "{refused:?}");
    }
    assert!(f.store.read(&key("Left", "b")).await.unwrap().is_none());
    assert_eq!(f.store.parameters().await.unwrap(), both);
    // Progress belongs to a definition.
    let progress = |id: &str, since, text: &'static str| Progress { id: Id::new(id).unwrap(), since, text: text.as_bytes().into() };
    let advance = |generation, progress| Commit { generation, progress, ..Commit::default() };
    f.store.commit(advance(1, vec![progress("p", 1, "half"), progress("q", 0, "never"), progress("x", 1, "never")])).await.unwrap();
    f.store.commit(define(1, vec![definition("q", Some("three"))], "b")).await.unwrap();
    f.store.commit(advance(2, vec![progress("q", 1, "late")])).await.unwrap();
    let now = f.store.parameters().await.unwrap();
    let told: Vec<_> = now.stored.iter().map(|stored| (stored.progress.since, &*stored.text, &*stored.progress.text)).collect();
    assert_eq!((now.generation, told), (2, vec![(1, &b"one"[..], &b"half"[..]), (2, b"three", b"")]));
    f.store.commit(define(2, vec![definition("p", None)], "c")).await.unwrap();
    let left = f.store.parameters().await.unwrap();
    assert_eq!((left.generation, left.stored.len()), (3, 1));
    // A commit that defines nothing leaves the generation alone.
    f.store.commit(define(3, Vec::new(), "d")).await.unwrap();
    assert_eq!(f.store.parameters().await.unwrap(), left);
}

pub(crate) async fn index_rows_are_replaced_alone<S: Store>(fresh: impl Fn() -> Fresh<S>) {
    let f = fresh();
    let found = async |post| ids(&f.store.search(&plan("Left", Filter::Post(post_of("Left", post)))).await.unwrap());
    f.store.commit(commit(vec![put("Left", "a", "one", &[1, 2]), put("Left", "b", "one", &[1])])).await.unwrap();
    f.store.commit(commit(vec![put("Left", "b", "two", &[1, 3])])).await.unwrap();
    f.store.commit(commit(vec![put("Left", "c", "one", &[1])])).await.unwrap();
    f.store.commit(commit(vec![delete("Left", "c")])).await.unwrap();
    let index = |id: &str, version, posts: &[u64]| match put("Left", id, "x", posts) {
        Write::Put { key, rows, .. } => Write::Index { key, version, rows },
        other => other,
    };
    let (before, changes) = (f.store.read(&key("Left", "a")).await.unwrap(), f.store.changes(0, 100).await.unwrap());
    f.clock.advance(1_000_000);
    let writes = vec![index("a", 1, &[1, 4]), index("b", 1, &[1, 4]), index("c", 1, &[4]), index("d", 1, &[4])];
    let written = f.store.commit(commit(writes)).await.unwrap();
    assert!(written.iter().all(|written| !written.changed && !written.created));
    // Only of the version that is current, and only of what is there.
    assert_eq!(found(4).await, ["a"]);
    assert_eq!((found(2).await.len(), found(1).await, found(3).await), (0, vec!["b".to_owned(), "a".to_owned()], vec!["b".to_owned()]));
    assert_eq!(f.store.read(&key("Left", "a")).await.unwrap(), before);
    assert_eq!(f.store.changes(0, 100).await.unwrap(), changes);
    // The next version takes the new rows away.
    f.store.commit(commit(vec![put("Left", "a", "two", &[5])])).await.unwrap();
    assert_eq!((found(4).await.len(), found(1).await, found(5).await), (0, vec!["b".to_owned()], vec!["a".to_owned()]));
}
