//! The gateway in this process, on port 0, with a clock that stands still.

use std::path::Path;
use std::sync::Arc;

use norn::base::budget::Limits;
use norn::base::clock::{Fixed, Instant};
use norn::base::random::Sequence;
use norn::definitions::Definitions;
use norn::http::cors::Cors;
use norn::http::job::JobOptions;
use norn::http::server::{Options, serve};
use norn::http::{BASE_PATH, Service};
use norn::interactions::Gateway;
use norn::search::catalog::Catalog;
use norn::search::cursor::Signer;
use norn::store::cache::Cached;
use norn::store::sqlite::{self, Sqlite};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Client;

/// A running gateway; it stops when dropped.
#[derive(Debug)]
pub(crate) struct TestGateway {
    pub(crate) client: Client,
    pub(crate) clock: Fixed,
    _stop: watch::Sender<bool>,
    _folder: TempDir,
}

impl TestGateway {
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
        let folder = TempDir::new().unwrap();
        let (client, clock, stop) = Self::over(&folder.path().join("norn.db"), limits, cors, jobs).await;
        Self { client, clock, _stop: stop, _folder: folder }
    }

    async fn over(path: &Path, limits: Limits, cors: Cors, jobs: JobOptions) -> (Client, Fixed, watch::Sender<bool>) {
        let clock = Fixed::at(Instant(1_795_000_000_000_000));
        let shared = Arc::new(clock.clone());
        let definitions = Definitions::embedded();
        let store = Sqlite::open(path, &definitions.schema, shared.clone(), sqlite::Options::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{BASE_PATH}", listener.local_addr().unwrap());
        let gateway = Arc::new(Gateway {
            store: Arc::new(Cached::new(store, 16 << 20)),
            catalog: Arc::new(Catalog::new(definitions).unwrap()),
            clock: shared,
            random: Arc::new(Sequence::default()),
            base: base.as_str().into(),
            limits,
            page_size: norn::search::resolve::PageSize::default(),
            signer: Arc::new(Signer::new(&[7; 32])),
            cross_origin: cors.enabled(),
            capabilities: Arc::default(),
        });
        let (sender, stop) = watch::channel(false);
        tokio::spawn(serve(listener, None, Service::new(gateway).across(cors).with_jobs(jobs), Options::default(), stop));
        (Client::new(&base), clock, sender)
    }
}
