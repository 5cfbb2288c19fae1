//! `norn serve`, `norn check` and `norn migrate`.

use std::sync::Arc;

use super::Ended;
use super::arguments::{Check, Distribution, Migrate, Serve};
use super::config::{Config, StoreUrl};
use super::{lifecycle, telemetry, wire};
use crate::base::clock;
use crate::http::BASE_PATH;
use crate::store::port::StoreError;
use crate::store::postgres::{self, Postgres};

/// Serves the FHIR API until it is told to stop.
pub(super) async fn run(serve: &Serve) -> Result<(), Ended> {
    let config = Config::read(serve)?;
    telemetry::start(&config.log, config.log_format)?;
    let (listener, address) = lifecycle::listen(config.listen).await?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let base = config.base_url.clone().unwrap_or_else(|| format!("{scheme}://{address}{BASE_PATH}"));
    let gateway = Arc::new(wire::gateway(&config, &base).await?);
    tracing::info!("no authorization is configured: only clients on this machine can connect, and they may do everything");
    lifecycle::serve(listener, gateway, &config).await
}

/// Tells whether index and resources of a store agree.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) async fn check(check: &Check) -> Result<(), Ended> {
    let url = StoreUrl::read(&check.store)?;
    let there = match &url {
        StoreUrl::Sqlite(path) => path.exists(),
        StoreUrl::Postgres(address) => Postgres::is_there(address).await.map_err(failed)?,
    };
    if !there {
        return Err(Ended::Misused(format!("there is no store at {url}")));
    }
    let store = wire::open(&url, Arc::new(clock::System), postgres::Options::default()).await?;
    let wrong = store.verify().await.map_err(failed)?;
    for line in &wrong {
        println!("{line}");
    }
    store.share(0).close().await.map_err(failed)?;
    if wrong.is_empty() {
        println!("{url}: index and resources agree");
        return Ok(());
    }
    Err(Ended::Refused)
}

/// Creates the tables of a store, or brings them to the present version.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) async fn migrate(migrate: &Migrate) -> Result<(), Ended> {
    let url = StoreUrl::read(&migrate.store)?;
    match (&url, migrate.distribute) {
        (StoreUrl::Sqlite(_), Some(_)) => return Err(Ended::Misused("only a PostgreSQL database can be distributed".to_owned())),
        (StoreUrl::Sqlite(_), None) => {
            let store = wire::open(&url, Arc::new(clock::System), postgres::Options::default()).await?;
            store.share(0).close().await.map_err(failed)?;
            println!("{url} is of the present version");
        }
        (StoreUrl::Postgres(address), distribute) => {
            let (found, now) = Postgres::migrate(address).await.map_err(failed)?;
            println!("{url}: version {found} of the tables became version {now}");
            if let Some(Distribution::Citus) = distribute {
                print!("{}", postgres::citus(migrate.shards));
                Postgres::distribute(address, migrate.shards).await.map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn failed(error: StoreError) -> Ended {
    Ended::Failed(error.to_string())
}
