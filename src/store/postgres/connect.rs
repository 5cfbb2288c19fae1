//! Where the database is, and a connection to it.
//!
//! A connection carries many statements at once: they are sent one behind the other without waiting for answers.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::{Fault, told};
use crate::store::port::StoreError;

/// Where a database is and how it is reached; told without the password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Whether resources are spread over the machines of a cluster.
    clustered: bool,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        write!(f, "postgres://{}:{port}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
    ///
    /// TLS is required to other machines, and the certificate is always checked; `sslmode=disable` does without.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when it is no such URL or the certificates cannot be read; the URL itself is not told.
    pub fn read(url: &str) -> Result<Self, StoreError> {
        let unusable = |why: String| StoreError::Unusable(format!("the database's URL: {why}"));
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut kept, mut mode, mut roots) = (Vec::new(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => {
                    roots = Some(PathBuf::from(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()));
                }
                _ => kept.push(pair),
            }
        }
        let mut config: Config = format!("{place}?{}", kept.join("&")).parse().map_err(|error| unusable(told(&error)))?;
        let encrypted = match mode {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(unusable(format!("sslmode={other} is neither disable nor require"))),
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        if config.get_application_name().is_none() {
            config.application_name("norn");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        // A database that is gone without a word is noticed before a client loses patience.
        config.keepalives_idle(Duration::from_secs(15)).tcp_user_timeout(Duration::from_secs(30));
        let tls = if encrypted { Some(tls(roots.as_deref()).map_err(unusable)?) } else { None };
        Ok(Self { config, tls, clustered: false })
    }

    /// Connects with a password from elsewhere than the URL.
    pub fn password(&mut self, password: &str) {
        self.config.password(password);
    }

    /// Says that resources are spread over a cluster.
    pub(super) fn clustered(&mut self, clustered: bool) {
        self.clustered = clustered;
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        let cannot = |error: tokio_postgres::Error| match Fault::from(error) {
            Fault::Lost(text) | Fault::Conflict(text) => Fault::Lost(format!("{self} cannot be reached: {text}")),
            Fault::Store(error) => Fault::Store(StoreError::Unusable(format!("{self}: {error}"))),
        };
        let client = match &self.tls {
            None => {
                let (client, driver) = self.config.connect(NoTls).await.map_err(cannot)?;
                tokio::spawn(driver);
                client
            }
            Some(tls) => {
                let (client, driver) = self.config.connect(tls.clone()).await.map_err(cannot)?;
                tokio::spawn(driver);
                client
            }
        };
        client.batch_execute(SETTINGS).await?;
        client.batch_execute(if self.clustered { OF_A_CLUSTER } else { OF_ONE_SERVER }).await?;
        Ok(Connection { client, statements: Mutex::default(), clustered: self.clustered })
    }
}

/// A server that is set to answer before its log is on disk is told not to.
const SETTINGS: &str = "
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
        AND current_setting('fsync') = 'on'";

/// Every statement has one good plan, which walks indexes. The database's planner guesses badly how often a hashed key occurs,
/// and would do so again for every value; so it is asked once per statement, and the ways that it must not go are closed.
const OF_ONE_SERVER: &str = "
    SET plan_cache_mode = force_generic_plan; SET jit = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// A cluster must see values to know where to send a statement.
const OF_A_CLUSTER: &str = "SET plan_cache_mode = auto; SET jit = off";

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls(roots: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let Some(path) = roots else {
        return MakeRustlsConnect::with_native_certs()
            .map(|(tls, _)| tls)
            .map_err(|errors| format!("the system's certificates: {errors:?}"));
    };
    let cannot = |error: rustls::pki_types::pem::Error| format!("the certificates in {} cannot be read: {error}", path.display());
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(cannot)? {
        store.add(certificate.map_err(cannot)?).map_err(|error| format!("a certificate in {}: {error}", path.display()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What is asked of a connection, not begun yet.
pub(super) type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Statements and what their marks stand for.
pub(super) type Statements<'v> = Vec<(&'static str, Vec<&'v (dyn ToSql + Sync)>)>;

/// Asks several questions at once, each begun in the order given; the first fault in that order counts.
pub(super) async fn together<T>(questions: Vec<Later<'_, T>>) -> Result<Vec<T>, Fault> {
    let mut open: Vec<_> = questions.into_iter().map(Some).collect();
    let mut answers: Vec<Option<Result<T, Fault>>> = open.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (slot, answer) in open.iter_mut().zip(&mut answers) {
            let Some(future) = slot else { continue };
            match future.as_mut().poll(context) {
                Poll::Pending => waiting = true,
                Poll::Ready(result) => {
                    *answer = Some(result);
                    *slot = None;
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// A connection with its prepared statements.
pub(super) struct Connection {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    clustered: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Prepared statements per connection; searches of many shapes must not fill the server's memory.
const STATEMENTS: usize = 300;

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether resources are spread over the machines of a cluster, which does not run every statement that one server does.
    pub(super) fn is_clustered(&self) -> bool {
        self.clustered
    }

    /// Runs statements without parameters.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Asks; the statement is prepared once.
    pub(super) async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// Asks for one number.
    pub(super) async fn number(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<i64, Fault> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query_one(&statement, values).await?.try_get(0)?)
    }

    /// Changes; gives the number of lines.
    pub(super) async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Sends statements one behind the other and waits for all.
    pub(super) async fn send(&self, statements: &Statements<'_>) -> Result<(), Fault> {
        for (sql, _) in statements {
            self.statement(sql).await?;
        }
        let sent = statements.iter().map(|(sql, values)| {
            let one: Later<'_, u64> = Box::pin(async move { self.execute(sql, values).await });
            one
        });
        together(sent.collect()).await?;
        Ok(())
    }

    /// Prepares a statement, so that it is sent at once when its turn comes.
    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Fault> {
        let known = self.known().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut known = self.known();
        if known.len() >= STATEMENTS {
            // Rare shapes: forgetting all of them is simpler than knowing which was used last.
            known.clear();
        }
        known.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Statement>> {
        // The map is never left half changed.
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
