//! Puts the gateway together.

use std::sync::Arc;

use super::Ended;
use super::config::{Config, StoreUrl};
use crate::base::clock::{self, Clock};
use crate::base::random::{self, Random as _};
use crate::definitions::Definitions;
use crate::interactions::Gateway;
use crate::search::catalog::Catalog;
use crate::search::cursor::Signer;
use crate::store::cache::Cached;
use crate::store::port::Store;
use crate::store::sqlite::{self, Sqlite};

/// Opens the store at that URL.
pub(super) fn open(url: &StoreUrl, clock: Arc<dyn Clock>) -> Result<Sqlite, Ended> {
    let StoreUrl::Sqlite(path) = url;
    Sqlite::open(path, &Definitions::embedded().schema, clock, sqlite::Options::default()).map_err(|error| Ended::Failed(error.to_string()))
}

/// A gateway over the configured store, for clients that know it by `base`.
pub(super) fn gateway(config: &Config, base: &str) -> Result<Gateway, Ended> {
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    let store: Arc<dyn Store> = Arc::new(Cached::new(open(&config.store, clock.clone())?, config.cache_bytes));
    let catalog = Catalog::new(Definitions::embedded()).map_err(|error| Ended::Failed(error.to_string()))?;
    let random = random::System::default();
    let mut secret = [0; 32];
    random.fill(&mut secret);
    Ok(Gateway {
        store,
        catalog: Arc::new(catalog),
        clock,
        random: Arc::new(random),
        base: base.into(),
        limits: config.limits,
        page_size: config.page_size,
        signer: Arc::new(Signer::new(&secret)),
        cross_origin: config.cors.enabled(),
        capabilities: Arc::default(),
    })
}
