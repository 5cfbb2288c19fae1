//! The gateway in this process, on port 0, with a clock that stands still.

use std::collections::HashMap;
use std::sync::Arc;

use norn::base::budget::Limits;
use norn::base::clock::{Fixed, Instant};
use norn::base::random::Sequence;
use norn::definitions::Definitions;
use norn::http::cors::Cors;
use norn::http::job::JobOptions;
use norn::http::server::{Options, serve};
use norn::http::{BASE_PATH, Service};
use norn::interactions::{Catalogs, Enforcement, Gateway, Validation};
use norn::search::catalog::Catalog;
use norn::search::cursor::Signer;
use norn::search::resolve::PageSize;
use norn::store::cache::Cached;
use norn::store::port::Store;
use norn::store::postgres::{self, Address, Postgres};
use norn::store::sqlite::{self, Sqlite};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Client, cluster};

/// A running gateway; it stops when dropped.
#[derive(Debug)]
pub(crate) struct TestGateway {
    pub(crate) client: Client,
    pub(crate) clock: Fixed,
    _stop: watch::Sender<bool>,
    _folder: TempDir,
}

/// The databases over which a gateway can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackEnd {
    Sqlite,
    Postgres,
}

impl TestGateway {
    /// Over SQLite; over PostgreSQL if `NORN_TEST_STORE` says `postgres`.
    pub(crate) async fn start() -> Self {
        Self::limited(Limits::default()).await
    }

    /// One with bounds on jobs.
    pub(crate) async fn with_jobs(jobs: JobOptions) -> Self {
        Self::with(Limits::default(), Cors::default(), jobs).await
    }

    /// One that serves scripts of these origins.
    pub(crate) async fn across(origins: &[&str], credentials: bool) -> Self {
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        Self::with(Limits::default(), Cors::new(&origins, credentials, 600).unwrap(), JobOptions::default()).await
    }

    /// One with limits of its own.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(limits, Cors::default(), JobOptions::default()).await
    }

    async fn with(limits: Limits, cors: Cors, jobs: JobOptions) -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests read over which store to run")]
        let wanted = std::env::var("NORN_TEST_STORE").unwrap_or_default();
        let back_end = if wanted == "postgres" { BackEnd::Postgres } else { BackEnd::Sqlite };
        Self::on(back_end, limits, cors, jobs, (PageSize::default(), false)).await
    }

    /// One over this database.
    pub(crate) async fn over_store(back_end: BackEnd) -> Self {
        Self::searching(back_end, PageSize::default(), false).await
    }

    /// One over this database with bounds on searches, which may tell how they were run.
    pub(crate) async fn searching(back_end: BackEnd, page_size: PageSize, explain: bool) -> Self {
        Self::on(back_end, Limits::default(), Cors::default(), JobOptions::default(), (page_size, explain)).await
    }

    async fn on(back_end: BackEnd, limits: Limits, cors: Cors, jobs: JobOptions, searches: (PageSize, bool)) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Fixed::at(Instant(1_795_000_000_000_000));
        let (shared, schema) = (Arc::new(clock.clone()), &Definitions::embedded().schema);
        let store: Arc<dyn Store> = if back_end == BackEnd::Postgres {
            let address = Address::read(&cluster::fresh()).unwrap();
            let options = postgres::Options { readers: 1, searchers: 4, ..postgres::Options::default() };
            Arc::new(Postgres::open(&address, schema, shared, options).await.unwrap())
        } else {
            let path = folder.path().join("norn.db");
            let store = Sqlite::open(&path, schema, shared, sqlite::Options::default()).unwrap();
            Arc::new(Cached::new(store, 16 << 20))
        };
        let (client, stop) = Self::over(store, &clock, limits, cors, jobs, searches).await;
        Self { client, clock, _stop: stop, _folder: folder }
    }

    async fn over(
        store: Arc<dyn Store>,
        clock: &Fixed,
        limits: Limits,
        cors: Cors,
        jobs: JobOptions,
        (page_size, explain): (PageSize, bool),
    ) -> (Client, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{BASE_PATH}", listener.local_addr().unwrap());
        let gateway = Arc::new(Gateway {
            store,
            catalogs: Arc::new(Catalogs::new(Catalog::new(Definitions::embedded()).unwrap(), "test".to_owned())),
            clock: Arc::new(clock.clone()),
            random: Arc::new(Sequence::default()),
            base: base.as_str().into(),
            limits,
            page_size,
            explain,
            signer: Arc::new(Signer::new(&[7; 32])),
            validation: Arc::new(Validation::new(Enforcement::Enforce, HashMap::new())),
            cross_origin: cors.enabled(),
        });
        gateway.prepare().await.unwrap();
        tokio::spawn(Arc::clone(&gateway).keep_indexed());
        let (sender, stop) = watch::channel(false);
        tokio::spawn(serve(listener, None, Service::new(gateway).across(cors).with_jobs(jobs), Options::default(), stop));
        (Client::new(&base), sender)
    }
}
