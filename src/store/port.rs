//! What the gateway asks of a store, whichever database it is.
//!
//! A write is acknowledged only when it is durable. Reads see every acknowledged write. A [`Commit`] happens whole or not at
//! all, and only if everything it expects still holds, so conditional interactions are decided before and verified inside.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::model::schema::ResourceType;
use crate::search::plan::{Filter, Place, Plan, Rows};

/// What a store answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store could not answer. "Not there" is no error but `None`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What a commit expected does not hold (any more): nothing was written.
    #[error("an expectation does not hold: {0:?}")]
    Unmet(Unmet),
    /// The store is being closed.
    #[error("the store is closing")]
    Closed,
    /// The disk is full or a quota is reached: nothing was written.
    #[error("no space is left for the store")]
    Full,
    /// A search reads more resources than it may; told is what it reads them for.
    #[error("too much is read for {0}")]
    TooCostly(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Failed(String),
    /// The file is no store of ours, or one of a later version.
    #[error("the store cannot be opened: {0}")]
    Unusable(String),
}

/// Which expectation was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The write with this number (0-based) found another version than it expected.
    Version {
        /// Number of the write.
        write: usize,
        /// The version that is current, if there is one; deleted ones count.
        current: Option<u64>,
    },
    /// The match with this number (0-based) found other resources than before.
    Match(usize),
    /// The idempotency key was used before for another request.
    Idempotency,
    /// The rows were extracted with search parameters of another generation than the store's.
    Catalog,
}

/// What happened to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It came into being by POST.
    Create,
    /// It was written by PUT (or PATCH).
    Update,
    /// It was deleted.
    Delete,
}

impl Method {
    /// The HTTP method that a history entry tells.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "POST",
            Self::Update => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One version of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which resource.
    pub key: Key,
    /// 1, 2, 3 …
    pub version: u64,
    /// When it was written.
    pub updated: Instant,
    /// How it was written.
    pub method: Method,
    /// Its JSON text; `None` if this version is a deletion.
    pub body: Option<Bytes>,
}

/// What the current version of a resource must be for a write to go ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    Anything,
    /// None, not even a deleted one.
    Absent,
    /// Exactly this one.
    Version(u64),
    /// None, or a deleted one, or the given one (used by updates that were decided on a read).
    Current(Option<u64>),
}

/// A write of one resource.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stores content. When it is the same as the current version's, nothing is written and the current version is the answer.
    Put {
        /// The resource.
        key: Key,
        /// Create or Update; a create always writes.
        method: Method,
        /// The content.
        body: Body,
        /// The rows under which it is found.
        rows: Box<Rows>,
        /// What must be there before.
        expect: Expect,
    },
    /// Deletes. Deleting what is not there, or is deleted, changes nothing.
    Delete {
        /// The resource.
        key: Key,
        /// What must be there before.
        expect: Expect,
    },
    /// Replaces the index rows of a living resource, if it is still of that version. Nothing else changes: neither version nor
    /// time, history or change feed. Of another version nothing is written, and that is no failure.
    Index {
        /// The resource.
        key: Key,
        /// The version that the rows were extracted from.
        version: u64,
        /// The rows under which it is found from now on.
        rows: Box<Rows>,
    },
}

impl Write {
    /// The resource that is written.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Index { key, .. } => key,
        }
    }
}

/// A search parameter of the server's own that comes, changes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The id of its SearchParameter.
    pub id: Id,
    /// What defines it; `None` if it goes.
    pub text: Option<Bytes>,
}

/// How far the rows of a parameter are complete, as whoever makes them tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The id of its SearchParameter.
    pub id: Id,
    /// The generation with which its present definition came. Progress of an older one is not kept.
    pub since: u64,
    /// The progress, whatever it means.
    pub text: Bytes,
}

/// A search parameter of the server's own, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What defines it.
    pub text: Bytes,
    /// How far its rows are complete; empty since its definition came.
    pub progress: Progress,
}

/// The search parameters of the server's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Grows whenever one comes, changes or goes; 0 before the first.
    pub generation: u64,
    /// In the order in which their definitions came.
    pub stored: Vec<Stored>,
}

/// A search that decided something, and what it found: verified when the commit happens.
#[derive(Debug, Clone)]
pub struct Match {
    /// The search.
    pub plan: Plan,
    /// The resources that it found, all of them; the plan's limit is at least one more.
    pub found: Vec<Key>,
}

/// A request's own key, so that sending it again does nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Digest of the key and of who sent it.
    pub key: [u8; 32],
    /// Digest of the request.
    pub request: [u8; 32],
}

/// Writes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The writes, in order; at most one per resource.
    pub writes: Vec<Write>,
    /// Searches that must find the same again.
    pub matches: Vec<Match>,
    /// The request's own key.
    pub idempotency: Option<Idempotency>,
    /// The generation of the parameters with which rows were extracted and searches understood; must be the store's.
    pub generation: u64,
    /// Parameters that come, change or go with these writes. If there are any, the store's generation grows by one.
    pub definitions: Vec<Definition>,
    /// Progress that is made with these writes.
    pub progress: Vec<Progress>,
}

/// What became of one write.
#[derive(Debug, Clone)]
pub struct Written {
    /// The version that is current now; for a deletion of what never was, `None`.
    pub version: Option<Arc<Version>>,
    /// Whether there was no current version before (a create, or an update that brought it back).
    pub created: bool,
    /// Whether a new version was written.
    pub changed: bool,
}

/// A found resource.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The resource.
    pub version: Arc<Version>,
    /// Its place in the order, to go on from.
    pub place: Place,
}

/// One page of a search.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows, at most the plan's limit.
    pub hits: Vec<Hit>,
    /// Whether more rows follow.
    pub more: bool,
    /// Number of all matches, if the plan asked.
    pub total: Option<u64>,
}

/// How a search was run.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// What it found.
    pub page: Page,
    /// Its conditions as they were used; some may have become others.
    pub uses: Vec<Use>,
    /// How many resources were looked at to test conditions, if that was counted.
    pub tested: Option<u64>,
}

/// What was made of a condition.
#[derive(Debug, Clone)]
pub struct Use {
    /// The condition.
    pub filter: Filter,
    /// What it was used for.
    pub role: Role,
    /// How many rows it has, or at least has, if they were counted.
    pub rows: Option<u64>,
}

/// What a condition is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An index gives the resources that meet it; of several, those that all give.
    Source,
    /// It is tested on the resources that the sources give.
    Test,
}

/// Whose history is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryScope {
    /// Of one resource.
    Instance(Key),
    /// Of all resources of a type.
    Type(ResourceType),
    /// Of everything.
    System,
}

/// A history as a store tells it: newest version first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPlan {
    /// Whose.
    pub scope: HistoryScope,
    /// Only versions written at this moment or later.
    pub since: Option<Instant>,
    /// Only versions that were current at some moment from the first of these to right before the second: those written then,
    /// and those that were there when it began. A deletion counts if it happened then.
    pub at: Option<(Instant, Instant)>,
    /// Only what comes after this place: where a page before said to go on.
    pub after: Option<i64>,
    /// Most versions on a page.
    pub count: usize,
}

impl HistoryPlan {
    /// All of a history.
    #[must_use]
    pub fn of(scope: HistoryScope, count: usize) -> Self {
        Self { scope, since: None, at: None, after: None, count }
    }

    /// Whether a version is wanted, given when the next version of its resource was written, if there is one.
    pub(crate) fn wants(&self, updated: Instant, method: Method, next: Option<Instant>) -> bool {
        let lasted = |from: Instant| method != Method::Delete && next.is_none_or(|next| next > from);
        self.since.is_none_or(|since| updated >= since)
            && self.at.is_none_or(|(from, to)| updated < to && (updated >= from || lasted(from)))
    }
}

/// One page of a history.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The versions, newest first. A page may have fewer than asked for although others follow: a store looks at a bounded
    /// number of versions per page.
    pub versions: Vec<Arc<Version>>,
    /// Where to go on; `None` if nothing follows. Versions written meanwhile come before this place, so a walk from page to
    /// page meets each version once.
    pub next: Option<i64>,
    /// Number of all versions of the scope whatever the place, if `since` and `at` are not asked for and it is cheap to know.
    /// Of one resource it always is: 0 says that there never was one.
    pub total: Option<u64>,
}

/// One entry of the change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position in the feed: grows by every change, without gaps for readers that wait for all before.
    pub sequence: i64,
    /// What changed.
    pub key: Key,
    /// To which version.
    pub version: u64,
    /// How.
    pub method: Method,
    /// When.
    pub updated: Instant,
}

/// A place where resources are kept.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The current version, deleted or not; `None` if there never was one.
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>>;

    /// One version.
    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>>;

    /// A page of a history.
    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History>;

    /// Runs a search.
    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page>;

    /// Runs a search and tells how.
    fn explain<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Explanation> {
        Box::pin(async move { Ok(Explanation { page: self.search(plan).await?, ..Explanation::default() }) })
    }

    /// Writes; durable when answered.
    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>>;

    /// At most `count` changes after the position `after` (0: from the beginning), oldest first.
    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>>;

    /// The secret of the store, the same for all gateways on it and after every restart: what is signed with it stays good.
    /// The proposal becomes the secret if there is none yet.
    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]>;

    /// The search parameters of the server's own.
    fn parameters(&self) -> Answer<'_, Parameters>;

    /// Takes or renews the right to do what only one gateway may do, for so many microseconds; false while another has it.
    fn lease<'a>(&'a self, name: &'a str, owner: &'a str, microseconds: i64) -> Answer<'a, bool>;

    /// Waits for writes under way, then closes.
    fn close(&self) -> Answer<'_, ()>;
}
