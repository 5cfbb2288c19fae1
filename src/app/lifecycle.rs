//! From the first listening socket to the last drained request.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Ended;
use super::config::Config;
use crate::http::server::{self, Options};
use crate::http::{Service, tls};
use crate::interactions::Gateway;

/// Takes the address.
pub(super) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Ended> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AddrInUse {
            "; choose another one with --listen, for example --listen 127.0.0.1:0 for a free port"
        } else {
            ""
        };
        Ended::Failed(format!("{address} cannot be listened on: {error}{hint}"))
    })?;
    let address = listener.local_addr().map_err(|error| Ended::Failed(error.to_string()))?;
    Ok((listener, address))
}

/// Serves until Ctrl-C or SIGTERM, then drains, then closes the store.
pub(super) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, config: &Config) -> Result<(), Ended> {
    let acceptor = match &config.tls {
        None => None,
        Some(files) => Some(tls::acceptor(&files.certificate, &files.key).map_err(|error| Ended::Misused(error.to_string()))?),
    };
    // Before anybody hears that we are there: who does may stop us, and the store must be closed then.
    let mut signals = Signals::catch()?;
    tracing::info!("serving FHIR R4 at {}", gateway.base);
    let (stopper, stop) = watch::channel(false);
    let service = Service::new(gateway.clone()).across(config.cors.clone()).with_jobs(config.jobs);
    let options = Options { connections: config.connections, ..Options::default() };
    let serving = tokio::spawn(server::serve(listener, acceptor, service.clone(), options, stop));
    let indexing = tokio::spawn(Arc::clone(&gateway).keep_indexed());
    let defining = tokio::spawn(Arc::clone(&gateway).keep_defined());
    signals.any().await;
    tracing::info!("stopping: requests under way may finish");
    let _ = stopper.send(true);
    if !serving.await.unwrap_or(false) {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
    indexing.abort();
    defining.abort();
    service.end_jobs();
    gateway.store.close().await.map_err(|error| Ended::Failed(format!("the store did not close well: {error}")))?;
    tracing::info!("stopped");
    Ok(())
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on the signals no longer end the process at once.
    fn catch() -> Result<Self, Ended> {
        let catch = |kind| signal(kind).map_err(|error| Ended::Failed(format!("signals cannot be caught: {error}")));
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
