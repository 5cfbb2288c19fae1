//! What every store must do, as tests that are generic over the store: SQLite, the cache before it, and the naive oracle pass
//! the same ones; another database joins by one line.

pub(super) mod commits;
mod naive;
pub(super) mod parameters;
pub(super) mod random;
pub(super) mod reads;
pub(super) mod searches;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::port::*;
use crate::base::budget::Limits;
use crate::base::clock::{Fixed, Instant};
use crate::model::codec::read_json;
use crate::model::primitive::{Id, Primitive};
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::model::schema::{ElementDraft, Kind, Schema, TypeDraft};
use crate::search::key;
use crate::search::plan::*;

pub(super) use naive::Naive;

/// A schema with two resource types, `Left` and `Right`, that have a note.
pub(super) fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<&'static Schema> = LazyLock::new(|| {
        let element =
            |name, ty| ElementDraft { name, min: 0, max: Some(1), choice: false, types: vec![ty], summary: false, modifier: false };
        let resource = |name| TypeDraft {
            name,
            kind: Kind::Resource,
            elements: vec![element("id", "id"), element("meta", "Meta"), element("note", "string")],
        };
        let drafts = [
            TypeDraft { name: "id", kind: Kind::Primitive(Primitive::Id), elements: Vec::new() },
            TypeDraft { name: "string", kind: Kind::Primitive(Primitive::String), elements: Vec::new() },
            TypeDraft {
                name: "Meta",
                kind: Kind::Complex,
                elements: ["versionId", "lastUpdated"].map(|name| element(name, "string")).to_vec(),
            },
            resource("Left"),
            resource("Right"),
        ];
        Box::leak(Box::new(Schema::build(&drafts, |_, _| "").unwrap()))
    });
    &SCHEMA
}

pub(super) fn key(kind: &str, id: &str) -> Key {
    Key { kind: schema().resource_type(kind).unwrap(), id: Id::new(id).unwrap() }
}

pub(super) fn body(key: &Key, note: &str) -> Body {
    let json = format!("{{\"resourceType\":\"{}\",\"note\":\"{note}\"}}", key.kind);
    read_json(json.as_bytes(), schema(), &Limits::default()).unwrap().body(&key.id)
}

/// The number that the posts and parameters of a type start from.
pub(super) fn base(kind: &str) -> u32 {
    if kind == "Left" { 100 } else { 200 }
}

/// Rows with these posts beside that of the type, given as small numbers.
pub(super) fn rows(kind: &str, posts: &[u64]) -> Rows {
    let base = base(kind);
    let posts = std::iter::once(&0).chain(posts).map(|post| post_of(kind, *post)).collect();
    Rows { posts, last_updated: base, ..Rows::default() }
}

/// The key of a small number: spread over all 64 bits, so that some are negative as SQL sees them.
pub(super) fn post_of(kind: &str, post: u64) -> u64 {
    (u64::from(base(kind)) + post).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

pub(super) fn put(kind: &str, id: &str, note: &str, posts: &[u64]) -> Write {
    let key = key(kind, id);
    Write::Put { body: body(&key, note), key, method: Method::Update, rows: Box::new(rows(kind, posts)), expect: Expect::Anything }
}

pub(super) fn create(kind: &str, id: &str, note: &str, posts: &[u64]) -> Write {
    let mut write = put(kind, id, note, posts);
    if let Write::Put { method, expect, .. } = &mut write {
        (*method, *expect) = (Method::Create, Expect::Absent);
    }
    write
}

pub(super) fn delete(kind: &str, id: &str) -> Write {
    Write::Delete { key: key(kind, id), expect: Expect::Anything }
}

pub(super) fn expecting(mut write: Write, wanted: Expect) -> Write {
    match &mut write {
        Write::Put { expect, .. } | Write::Delete { expect, .. } => *expect = wanted,
        Write::Index { .. } => {}
    }
    write
}

pub(super) fn commit(writes: Vec<Write>) -> Commit {
    Commit { writes, ..Commit::default() }
}

/// A type as plans name it.
pub(super) fn searched(kind: &str) -> Searched {
    Searched { kind: schema().resource_type(kind).unwrap(), post: post_of(kind, 0) }
}

/// All of a type, newest first.
pub(super) fn plan(kind: &str, filter: Filter) -> Plan {
    Plan { of: vec![searched(kind)], filter, sort: Vec::new(), after: None, limit: 1000, total: true }
}

/// The ids on a page.
pub(super) fn ids(page: &Page) -> Vec<String> {
    page.hits.iter().map(|hit| hit.version.key.id.to_string()).collect()
}

/// The text of the note in a stored body.
pub(super) fn note(body: &Bytes) -> String {
    read_json(body, schema(), &Limits::default()).unwrap().root().get_text("note").unwrap().into_owned()
}

/// A store that a test may do with as it likes, and the clock that it goes by.
pub(super) struct Fresh<S> {
    pub(super) store: Arc<S>,
    pub(super) clock: Fixed,
    /// Deletes the files in the end.
    pub(super) _place: Option<tempfile::TempDir>,
}

/// Noon of some day, with microseconds that the store must cut off.
pub(super) fn noon() -> Instant {
    Instant(1_700_000_000_123_456)
}

pub(super) fn naive() -> Fresh<Naive> {
    let clock = Fixed::at(noon());
    Fresh { store: Arc::new(Naive::new(Arc::new(clock.clone()))), clock, _place: None }
}

/// Runs every contract test on fresh stores.
macro_rules! contract {
    ($name:ident, $fresh:expr) => {
        mod $name {
            use $crate::store::contract;

            contract::tests! { $fresh;
                commits: a_created_resource_is_read_back, versions_count_up_over_deletion_and_return, the_same_content_is_no_new_version,
                    expectations_are_held, a_refused_commit_leaves_no_trace, matches_are_verified_inside, deleting_nothing_changes_nothing,
                    a_request_sent_again_is_answered_again, times_are_milliseconds_and_never_go_back, many_writers_at_once;
                reads: history_is_paged_newest_first, histories_of_types_and_of_everything, versions_are_read, the_change_feed_is_complete_and_gapless, a_closed_store_says_so, a_store_keeps_its_secret;
                parameters: definitions_make_generations, index_rows_are_replaced_alone;
                searches: finds_by_each_kind_of_row, updates_and_deletions_leave_no_rows, pages_and_totals, nested_filters,
                    many_alternatives;
                random: agrees_with_the_oracle
            }
        }
    };
}

macro_rules! tests {
    ($fresh:expr; $($module:ident: $($test:ident),*);*) => {
        $($(
            #[tokio::test]
            async fn $test() {
                contract::$module::$test(|| $fresh).await;
            }
        )*)*
    };
}

pub(crate) use contract;
pub(crate) use tests;

contract!(oracle, contract::naive());
