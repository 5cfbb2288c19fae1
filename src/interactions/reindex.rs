//! Makes the index rows of what was stored before a search parameter came, while reads and writes go on.
//!
//! A walk goes type by type from the newest resource to the oldest, some hundred of them in a transaction, and keeps its place
//! in that same transaction: after a crash it goes on from there. Resources that are written meanwhile have their rows already
//! (see [`super::parameter`]); rows are replaced only if the version that they were made from is still current. Of several
//! gateways on one store, the one with the lease walks; if two do, each does the same.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Gateway, extraction};
use crate::model::codec::read_json;
use crate::model::primitive::Id;
use crate::model::schema::ResourceType;
use crate::search::catalog::Catalog;
use crate::search::extract;
use crate::search::plan::{Filter, Place, Plan};
use crate::store::port::{Commit, Parameters, Progress, StoreError, Unmet, Write};

/// Resources in one transaction.
const BATCH: usize = 200;
/// Bytes of resources that one transaction should not exceed.
const BYTES: usize = 4 << 20;
/// How long the right to walk lasts without being renewed.
const LEASE: Duration = Duration::from_secs(10);
/// How often a gateway looks whether there is something to do.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits after a failure.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the rows of a parameter are complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// Nothing was done yet.
    #[default]
    Requested,
    /// Some of it is done.
    Indexing(Walk),
    /// All of it is done.
    Complete(Walk),
    /// It cannot be done: why.
    Failed(Walk, String),
}

/// A walk over what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Walk {
    /// How many types are done.
    types: usize,
    /// The last row that is done of the next type.
    row: Option<i64>,
    /// How many resources are done.
    pub(super) done: u64,
    /// How many there were when the walk began.
    pub(super) total: u64,
    /// Microseconds of work.
    worked: u64,
}

impl Walk {
    /// Resources in a second of work.
    pub(super) fn rate(&self) -> u64 {
        self.done.saturating_mul(1_000_000).checked_div(self.worked).unwrap_or(0)
    }
}

impl Standing {
    /// Reads what [`Standing::text`] writes.
    pub(super) fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut parts = text.splitn(7, ' ');
        let state = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok());
        let mut count = || number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let (types, done, total, worked) = (usize::try_from(count()).unwrap_or(0), count(), count(), count());
        let walk = Walk { types, row: number(), done, total, worked };
        match state {
            "indexing" => Self::Indexing(walk),
            "complete" => Self::Complete(walk),
            "failed" => Self::Failed(walk, parts.next().unwrap_or_default().to_owned()),
            _ => Self::Requested,
        }
    }

    /// As the store keeps it.
    pub(super) fn text(&self) -> Bytes {
        let (state, walk, why) = match self {
            Self::Requested => return Bytes::new(),
            Self::Indexing(walk) => ("indexing", walk, ""),
            Self::Complete(walk) => ("complete", walk, ""),
            Self::Failed(walk, why) => ("failed", walk, why.as_str()),
        };
        let Walk { types, row, done, total, worked } = walk;
        let mut text = format!("{state} {types} {done} {total} {worked} ");
        let _ = match row {
            Some(row) => write!(text, "{row} {why}"),
            None => write!(text, "- {why}"),
        };
        text.into()
    }

    /// Why the parameter cannot be asked for yet, if it cannot.
    pub(super) fn unready(&self) -> Option<String> {
        match self {
            Self::Requested => Some("what is stored waits to be indexed".to_owned()),
            Self::Indexing(walk) => Some(format!("it is being indexed: {} of {} resources are done", walk.done, walk.total.max(walk.done))),
            Self::Failed(_, why) => Some(format!("what is stored could not be indexed ({why})")),
            Self::Complete(_) => None,
        }
    }

    /// The walk that is to be gone on with; `None` if there is nothing to do.
    fn open(self) -> Option<Option<Walk>> {
        match self {
            Self::Requested => Some(None),
            Self::Indexing(walk) => Some(Some(walk)),
            Self::Complete(_) | Self::Failed(..) => None,
        }
    }
}

/// Parameters of the same types that are equally far: one walk serves them all.
struct Job {
    of: Vec<(Id, u64)>,
    kinds: Vec<ResourceType>,
    walk: Option<Walk>,
}

impl Gateway {
    /// Indexes whatever there is to index, until it is dropped; also keeps the catalog that of the store.
    pub async fn keep_indexed(self: Arc<Self>) {
        let mut told = Instant::now();
        loop {
            let (started, commits) = (Instant::now(), self.catalogs.commits.load(Ordering::Relaxed));
            match self.index_some().await {
                Ok(Some((names, standing))) => {
                    match &standing {
                        Standing::Complete(walk) => tracing::info!("{names}: {} resources are indexed, it can be searched by", walk.done),
                        Standing::Failed(_, why) => tracing::error!("{names}: what is stored could not be indexed: {why}"),
                        Standing::Indexing(walk) if told.elapsed() > LOOK => {
                            tracing::info!("{names}: {} of {} resources are indexed, {} a second", walk.done, walk.total, walk.rate());
                            told = Instant::now();
                        }
                        Standing::Indexing(_) | Standing::Requested => {}
                    }
                    // Half of the time is theirs who write meanwhile.
                    if self.catalogs.commits.load(Ordering::Relaxed) != commits {
                        tokio::time::sleep(started.elapsed()).await;
                    }
                }
                Ok(None) => {
                    let _ = tokio::time::timeout(LOOK, self.catalogs.news.notified()).await;
                }
                Err(StoreError::Unmet(Unmet::Catalog)) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!("indexing pauses: {error}");
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }

    /// Indexes the resources of one transaction; `None` if there is nothing to do here.
    async fn index_some(&self) -> Result<Option<(String, Standing)>, StoreError> {
        let parameters = self.renew().await?;
        let catalog = self.catalog();
        // Another request may have loaded newer ones in between.
        let Some(job) = job(&parameters, &catalog).filter(|_| catalog.generation() == parameters.generation) else { return Ok(None) };
        let microseconds = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
        if !self.store.lease("index", &self.catalogs.owner, microseconds).await? {
            return Ok(None);
        }
        let name = |(id, _): &(Id, u64)| match extraction::is_kept(id) {
            true => "the search parameters of R4".to_owned(),
            false => format!("{}/{id}", super::parameter::DEFINING),
        };
        let names: Vec<String> = job.of.iter().map(name).collect();
        let started = Instant::now();
        let (mut walk, writes) = match job.walk.clone() {
            None => (Walk { total: self.stored_of(&job.kinds).await?, ..Walk::default() }, Ok(Vec::new())),
            Some(walk) => self.next(&job, walk, &catalog).await?,
        };
        walk.worked += u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (standing, writes) = match writes {
            Err(why) => (Standing::Failed(walk, why), Vec::new()),
            Ok(writes) if walk.types == job.kinds.len() => (Standing::Complete(walk), writes),
            Ok(writes) => (Standing::Indexing(walk), writes),
        };
        let text = standing.text();
        let progress = job.of.into_iter().map(|(id, since)| Progress { id, since, text: text.clone() }).collect();
        self.store.commit(Commit { writes, generation: catalog.generation(), progress, ..Commit::default() }).await?;
        if matches!(standing, Standing::Complete(_)) {
            self.renew().await?;
        }
        Ok(Some((names.join(", "), standing)))
    }

    /// The next resources of a walk, with the rows that they are to have; what is wrong, if one of them cannot be read.
    async fn next(&self, job: &Job, mut walk: Walk, catalog: &Catalog) -> Result<(Walk, Result<Vec<Write>, String>), StoreError> {
        let (mut writes, mut bytes) = (Vec::new(), 0);
        while let Some(kind) = job.kinds.get(walk.types).filter(|_| writes.len() < BATCH && bytes < BYTES) {
            let after = walk.row.map(|row| Place { values: Vec::new(), row });
            // Few at a time, so that large ones do not take much memory.
            let limit = (BATCH - writes.len()).min(20);
            let of = vec![catalog.of(*kind).searched()];
            let page =
                self.store.search(&Plan { of, filter: Filter::All(Vec::new()), sort: Vec::new(), after, limit, total: false }).await?;
            for hit in page.hits {
                let version = &hit.version;
                let body = version.body.as_deref().unwrap_or_default();
                let resource = match read_json(body, self.schema(), &self.limits) {
                    Ok(resource) => resource,
                    Err(issues) => return Ok((walk, Err(format!("{} as stored cannot be read: {issues:?}", version.key)))),
                };
                bytes += body.len();
                let rows = Box::new(extract::rows(&resource, catalog, &self.base));
                writes.push(Write::Index { key: version.key.clone(), version: version.version, rows });
                walk.row = Some(hit.place.row);
                walk.done += 1;
            }
            if !page.more {
                walk = Walk { types: walk.types + 1, row: None, ..walk };
            }
        }
        Ok((walk, Ok(writes)))
    }

    /// How many resources of some types are stored.
    async fn stored_of(&self, kinds: &[ResourceType]) -> Result<u64, StoreError> {
        let (catalog, mut total) = (self.catalog(), 0);
        for kind in kinds {
            let of = vec![catalog.of(*kind).searched()];
            let plan = Plan { of, filter: Filter::All(Vec::new()), sort: Vec::new(), after: None, limit: 0, total: true };
            total += self.store.search(&plan).await?.total.unwrap_or(0);
        }
        Ok(total)
    }
}

/// The oldest parameter that is not complete, with those that are as far as it.
fn job(parameters: &Parameters, catalog: &Catalog) -> Option<Job> {
    let all: Vec<ResourceType> = catalog.schema().resource_types().collect();
    let of_own = |id: &Id| catalog.own().iter().find(|own| own.entry.custom.id == *id).map(|own| &own.entry.custom.bases);
    let kinds = |id: &Id| if extraction::is_kept(id) { Some(&all) } else { of_own(id) };
    let open = parameters.stored.iter().filter_map(|stored| {
        let walk = Standing::read(&stored.progress.text).open()?;
        Some((&stored.progress, kinds(&stored.progress.id)?, walk))
    });
    let mut job: Option<Job> = None;
    for (progress, kinds, walk) in open {
        let job = job.get_or_insert_with(|| Job { of: Vec::new(), kinds: kinds.clone(), walk: walk.clone() });
        if job.kinds == *kinds && job.walk == walk {
            job.of.push((progress.id.clone(), progress.since));
        }
    }
    job
}
