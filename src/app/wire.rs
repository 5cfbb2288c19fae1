//! Puts the gateway together.

use std::sync::Arc;

use super::Ended;
use super::config::{Config, StoreUrl};
use crate::base::clock::{self, Clock};
use crate::base::random::{self, Random as _};
use crate::definitions::Definitions;
use crate::interactions::{Catalogs, Gateway};
use crate::search::catalog::Catalog;
use crate::search::cursor::Signer;
use crate::store::cache::Cached;
use crate::store::port::{Store, StoreError};
use crate::store::postgres::{self, Postgres};
use crate::store::sqlite::{self, Sqlite};

/// A store, whichever database it is.
pub(super) enum Opened {
    /// A SQLite file.
    Sqlite(Box<Sqlite>),
    /// A PostgreSQL database.
    Postgres(Box<Postgres>),
}

impl Opened {
    /// Faults in words; none if all is well.
    pub(super) async fn verify(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.verify().await,
            Self::Postgres(store) => store.verify().await,
        }
    }

    /// The store as everything else knows it. Only of a SQLite file this process is the only writer, so only before that
    /// current versions can be kept in memory.
    pub(super) fn share(self, cache_bytes: u64) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(Cached::new(*store, cache_bytes)),
            Self::Postgres(store) => Arc::new(*store),
        }
    }
}

/// Opens the store at that URL.
pub(super) async fn open(url: &StoreUrl, clock: Arc<dyn Clock>, options: postgres::Options) -> Result<Opened, Ended> {
    let schema = &Definitions::embedded().schema;
    let opened = match url {
        StoreUrl::Sqlite(path) => Sqlite::open(path, schema, clock, sqlite::Options::default()).map(Box::new).map(Opened::Sqlite),
        StoreUrl::Postgres(address) => Postgres::open(address, schema, clock, options).await.map(Box::new).map(Opened::Postgres),
    };
    opened.map_err(|error| Ended::Failed(error.to_string()))
}

/// A gateway over the configured store, for clients that know it by `base`.
pub(super) async fn gateway(config: &Config, base: &str) -> Result<Gateway, Ended> {
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    let store = open(&config.store, clock.clone(), config.postgres.clone()).await?.share(config.cache_bytes);
    let catalog = Catalog::new(Definitions::embedded()).map_err(|error| Ended::Failed(error.to_string()))?;
    let random = random::System::default();
    let mut secret = [0; 32];
    random.fill(&mut secret);
    let secret = store.secret(secret).await.map_err(|error| Ended::Failed(error.to_string()))?;
    let gateway = Gateway {
        store,
        catalogs: Arc::new(Catalogs::new(catalog, random.uuid())),
        clock,
        random: Arc::new(random),
        base: base.into(),
        limits: config.limits,
        page_size: config.page_size,
        explain: config.explain,
        signer: Arc::new(Signer::new(&secret)),
        validation: config.validation.clone(),
        cross_origin: config.cors.enabled(),
    };
    gateway.renew().await.map_err(|error| Ended::Failed(error.to_string()))?;
    gateway.take_definitions().await.map_err(|error| Ended::Failed(error.to_string()))?;
    Ok(gateway)
}
