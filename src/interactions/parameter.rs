//! Search parameters of this server's own: which catalog a request works with, and what a write of a SearchParameter means for it.
//!
//! The store keeps the definitions under a generation. Every commit tells with which generation its rows were extracted and its
//! searches understood; one that is behind is refused, loads the catalog anew and is worked out again. So from the moment in
//! which a definition is stored, each write of whichever gateway has its rows, and what was written before is indexed by
//! [`super::reindex`]. A search that asks for such a parameter makes sure, after it has its answer, that the generation is
//! still the same: rows of a parameter that was changed or deleted meanwhile never answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{Mutex, Notify};

use super::reindex::Standing;
use super::{Failure, FailureKind, Gateway, refused};
use crate::definitions::Definitions;
use crate::model::codec::read_json;
use crate::model::outcome::Issue;
use crate::model::primitive::Id;
use crate::model::schema::Schema;
use crate::search::catalog::{Catalog, Entry};
use crate::search::custom::{self, Meaning, Refused};
use crate::store::port::{Commit, Definition, Parameters, StoreError, Unmet, Write, Written};

/// The type whose resources define search parameters.
pub(super) const DEFINING: &str = "SearchParameter";

/// The catalog as it is now, to be replaced when parameters come, change, go or are complete.
#[derive(Debug)]
pub struct Catalogs {
    built_in: Catalog,
    now: RwLock<Arc<Now>>,
    loading: Mutex<()>,
    /// Told when there may be something to index.
    pub(super) news: Notify,
    /// How many commits clients had done here.
    pub(super) commits: AtomicU64,
    /// Who this gateway is among those on the same store.
    pub(super) owner: String,
}

/// A catalog and what goes with it.
#[derive(Debug)]
struct Now {
    catalog: Arc<Catalog>,
    parameters: Arc<Parameters>,
    statement: OnceLock<Bytes>,
}

impl Catalogs {
    /// The parameters of R4 alone, until the store's own are loaded. `owner` is a name that no other gateway has.
    #[must_use]
    pub fn new(built_in: Catalog, owner: String) -> Self {
        let catalog = Arc::new(built_in.clone());
        let now = Now { catalog, parameters: Arc::default(), statement: OnceLock::new() };
        let now = RwLock::new(Arc::new(now));
        Self { built_in, now, loading: Mutex::default(), news: Notify::new(), commits: AtomicU64::new(0), owner }
    }

    fn now(&self) -> Arc<Now> {
        // Replaced whole: a panic elsewhere leaves nothing half done.
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gateway {
    /// The catalog as it is now. Whoever works out a commit takes it before anything else.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalogs.now().catalog)
    }

    /// The schema of all types.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        self.catalogs.built_in.schema()
    }

    /// The definitions of R4.
    #[must_use]
    pub fn definitions(&self) -> &'static Definitions {
        self.catalogs.built_in.definitions()
    }

    /// The CapabilityStatement, made when it is first asked for under a catalog.
    pub(super) fn statement(&self) -> Bytes {
        let now = self.catalogs.now();
        now.statement.get_or_init(|| super::capability::statement(self, &now.catalog)).clone()
    }

    /// Loads the store's own parameters, if they are others than here.
    ///
    /// # Errors
    /// When the store fails, or holds a definition that this version does not understand.
    pub async fn renew(&self) -> Result<Arc<Parameters>, StoreError> {
        let _one = self.catalogs.loading.lock().await;
        let parameters = Arc::new(self.store.parameters().await?);
        let before = self.catalogs.now();
        if *before.parameters == *parameters {
            return Ok(parameters);
        }
        let catalog = Arc::new(self.load(&parameters)?);
        let now = Arc::new(Now { catalog, parameters: Arc::clone(&parameters), statement: OnceLock::new() });
        *self.catalogs.now.write().unwrap_or_else(PoisonError::into_inner) = now;
        self.catalogs.news.notify_one();
        Ok(parameters)
    }

    fn load(&self, parameters: &Parameters) -> Result<Catalog, StoreError> {
        let unknown =
            |id: &Id, why: String| StoreError::Failed(format!("the store has {DEFINING}/{id}, which cannot be understood: {why}"));
        let mut entries = Vec::with_capacity(parameters.stored.len());
        for stored in &parameters.stored {
            let id = &stored.progress.id;
            let resource = read_json(&stored.text, self.schema(), &self.limits).map_err(|issues| unknown(id, format!("{issues:?}")))?;
            match custom::read(id, &resource, self.definitions()).map_err(|refused| unknown(id, refused.to_string()))? {
                Meaning::Own(custom) => {
                    let unready = Standing::read(&stored.progress.text).unready();
                    entries.push(Entry { custom: Arc::new(custom), unready: unready.map(Arc::from) });
                }
                Meaning::Dormant | Meaning::BuiltIn => return Err(unknown(id, "it defines nothing".to_owned())),
            }
        }
        self.catalogs.built_in.with(&entries, parameters.generation).map_err(|refused| unknown(&refused.id, refused.to_string()))
    }

    /// Whether the store's parameters are still those of a catalog. If not, they are loaded.
    pub(super) async fn is_current(&self, catalog: &Catalog) -> Result<bool, Failure> {
        Ok(self.renew().await?.generation == catalog.generation())
    }

    /// Has a commit done that was worked out with a catalog. If that was an old one, the answer is [`Unmet::Catalog`], and the next
    /// try has a newer one.
    ///
    /// # Errors
    /// When a SearchParameter among the writes (the one with the number told) cannot be served; nothing is written then.
    pub(super) async fn commit(&self, catalog: &Catalog, commit: Commit) -> Result<Result<Vec<Written>, StoreError>, (usize, Failure)> {
        let definitions = self.defined(catalog, &commit.writes)?;
        let changes = !definitions.is_empty();
        let defines = commit.writes.iter().any(|write| super::validation::defines(write.key().kind));
        let answer = self.store.commit(Commit { generation: catalog.generation(), definitions, ..commit }).await;
        self.catalogs.commits.fetch_add(1, Ordering::Relaxed);
        if changes && answer.is_ok() || matches!(answer, Err(StoreError::Unmet(Unmet::Catalog))) {
            // If it fails, the next commit hears that its catalog is an old one.
            if let Err(error) = self.renew().await {
                tracing::warn!("the search parameters could not be loaded: {error}");
            }
        }
        if defines && answer.is_ok() {
            self.validation.changed();
        }
        Ok(answer)
    }

    /// What the writes change among the parameters of a catalog.
    fn defined(&self, catalog: &Catalog, writes: &[Write]) -> Result<Vec<Definition>, (usize, Failure)> {
        let mut texts: Vec<(usize, Id, Option<Bytes>)> = Vec::new();
        let mut entries: Vec<Entry> = catalog.own().iter().map(|own| own.entry.clone()).collect();
        for (number, write) in writes.iter().enumerate().filter(|(_, write)| write.key().kind.name() == DEFINING) {
            let id = &write.key().id;
            entries.retain(|entry| entry.custom.id != *id);
            match write {
                Write::Put { body, .. } => {
                    let text = body.finish(1, self.clock.now());
                    let own = self.meaning(id, &text).map_err(|failure| (number, failure))?;
                    texts.push((number, id.clone(), own.is_some().then_some(text)));
                    entries.extend(own.map(|custom| Entry { custom: Arc::new(custom), unready: Some(Arc::from("it is new")) }));
                }
                Write::Delete { .. } => texts.push((number, id.clone(), None)),
                Write::Index { .. } => {}
            }
        }
        let Some((first, ..)) = texts.first() else { return Ok(Vec::new()) };
        let new = self.catalogs.built_in.with(&entries, catalog.generation()).map_err(|refused| {
            let of = texts.iter().find(|(_, id, text)| *id == refused.id && text.is_some());
            (of.map_or(*first, |(number, ..)| *number), told(refused, of.is_some()))
        })?;
        // A composite is another one, too, if a parameter that it is made of is.
        let numbers =
            |catalog: &Catalog, id: &Id| catalog.own().iter().find(|own| own.entry.custom.id == *id).map(|own| own.numbers.clone());
        let stored = self.catalogs.now().parameters.stored.clone();
        let mut definitions = Vec::new();
        for own in new.own() {
            let id = &own.entry.custom.id;
            if numbers(catalog, id).as_ref() == Some(&own.numbers) {
                continue;
            }
            let text = texts.iter().find(|(_, other, _)| other == id).and_then(|(.., text)| text.clone());
            let text = text.or_else(|| stored.iter().find(|stored| stored.progress.id == *id).map(|stored| stored.text.clone()));
            definitions.push(Definition { id: id.clone(), text });
        }
        let gone = catalog.own().iter().map(|own| &own.entry.custom.id).filter(|id| numbers(&new, id).is_none());
        definitions.extend(gone.map(|id| Definition { id: id.clone(), text: None }));
        Ok(definitions)
    }

    /// The parameter that a stored SearchParameter defines, if it does.
    fn meaning(&self, id: &Id, text: &[u8]) -> Result<Option<custom::Custom>, Failure> {
        let resource = read_json(text, self.schema(), &self.limits).map_err(|issues| refused(FailureKind::Unprocessable, issues))?;
        match custom::read(id, &resource, self.definitions()) {
            Ok(Meaning::Own(custom)) => Ok(Some(custom)),
            Ok(Meaning::Dormant | Meaning::BuiltIn) => Ok(None),
            Err(refused) => Err(told(refused, true)),
        }
    }
}

/// A failure that says what is wrong with a parameter; if it is not one that is written, then with what is left without the one that is.
fn told(refusal: Refused, written: bool) -> Failure {
    let Refused { id, issues } = refusal;
    let about = |issue: Issue| {
        if written {
            return issue;
        }
        let told = format!("{DEFINING}/{id}, which is active, would not be possible any more ({}): retire it first.", issue.diagnostics);
        Issue::error(issue.code, issue.expression, told)
    };
    refused(FailureKind::Unprocessable, issues.into_iter().map(about).collect())
}
