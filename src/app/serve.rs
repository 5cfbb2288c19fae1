//! `norn serve` and `norn check`.

use std::sync::Arc;

use super::Ended;
use super::arguments::{Check, Serve};
use super::config::{Config, StoreUrl};
use super::{lifecycle, telemetry, wire};
use crate::base::clock;
use crate::http::BASE_PATH;
use crate::store::port::Store as _;

/// Serves the FHIR API until it is told to stop.
pub(super) async fn run(serve: &Serve) -> Result<(), Ended> {
    let config = Config::read(serve)?;
    telemetry::start(&config.log, config.log_format)?;
    let (listener, address) = lifecycle::listen(config.listen).await?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let base = config.base_url.clone().unwrap_or_else(|| format!("{scheme}://{address}{BASE_PATH}"));
    let gateway = Arc::new(wire::gateway(&config, &base)?);
    tracing::info!("no authorization is configured: only clients on this machine can connect, and they may do everything");
    tracing::info!("serving FHIR R4 at {base}");
    lifecycle::serve(listener, gateway, &config).await
}

/// Tells whether index and resources of a store agree.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) async fn check(check: &Check) -> Result<(), Ended> {
    let url = StoreUrl::read(&check.store)?;
    let StoreUrl::Sqlite(path) = &url;
    if !path.exists() {
        return Err(Ended::Misused(format!("there is no store at {}", path.display())));
    }
    let store = wire::open(&url, Arc::new(clock::System))?;
    let wrong: Vec<String> = Ok::<Vec<String>, crate::store::port::StoreError>(vec![]).map_err(|error| Ended::Failed(error.to_string()))?;
    for line in &wrong {
        println!("{line}");
    }
    store.close().await.map_err(|error| Ended::Failed(error.to_string()))?;
    if wrong.is_empty() {
        println!("{}: index and resources agree", path.display());
        return Ok(());
    }
    Err(Ended::Refused)
}
