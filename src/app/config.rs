//! Configuration: one file, the environment and the arguments, read once into checked values.
//!
//! Every key is described in `docs/configuration.md`; a test holds the two against each other.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::arguments::{Serve, Serving};
use super::{Ended, terminology};
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::http::BASE_PATH;
use crate::http::cors::Cors;
use crate::http::job::JobOptions;
use crate::interactions::{Enforcement, Validation};
use crate::search::resolve::PageSize;
use crate::store::postgres::{self, Address};

/// The file as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// `address:port`
    pub listen: Option<SocketAddr>,
    /// `sqlite:PATH` or `postgres://…`
    pub store: Option<String>,
    /// Base URL as clients see it.
    pub base_url: Option<String>,
    /// Level of the log.
    pub log: Option<String>,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// Certificate and key for HTTPS.
    pub tls: Option<Tls>,
    /// Limits on requests.
    pub limits: LimitsFile,
    /// Sizes of pages.
    pub search: SearchFile,
    /// Memory for current versions, in MiB.
    pub cache_mib: Option<u64>,
    /// Scripts of other origins.
    pub cors: CorsFile,
    /// Requests that clients do not wait for.
    pub jobs: JobsFile,
    /// How a PostgreSQL database is used.
    pub postgres: PostgresFile,
    /// How writes are validated.
    pub validation: ValidationFile,
    /// Code systems that the site has loaded.
    pub terminology: TerminologyFile,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `[tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the chain, own certificate first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// `[limits]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsFile {
    /// Largest body in bytes, after decompression.
    pub body_bytes: Option<usize>,
    /// Most entries of a batch or transaction.
    pub entries: Option<usize>,
    /// Most connections at a time.
    pub connections: Option<usize>,
    /// Most resources that one conditional deletion takes away.
    pub deletes: Option<usize>,
}

/// `[search]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchFile {
    /// Matches on a page without `_count`.
    pub default_count: Option<usize>,
    /// Most matches on a page.
    pub max_count: Option<usize>,
    /// Most resources that one search reads to test what no index row tells.
    pub max_read: Option<usize>,
    /// Whether `_explain` tells how a search is run.
    pub explain: bool,
}

/// `[cors]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsFile {
    /// Origins whose scripts may read answers.
    pub origins: Vec<String>,
    /// Whether browsers may send credentials along.
    pub credentials: bool,
    /// For how many seconds browsers may remember what is allowed.
    pub max_age: Option<u32>,
}

/// `[jobs]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobsFile {
    /// Most jobs at a time.
    pub most: Option<usize>,
    /// Most that run at the same time.
    pub at_once: Option<usize>,
    /// Longest time that one may run.
    pub seconds: Option<u64>,
    /// How long an answer is kept.
    pub keep_seconds: Option<u32>,
}

impl JobsFile {
    fn options(&self) -> JobOptions {
        let defaults = JobOptions::default();
        JobOptions {
            most: self.most.unwrap_or(defaults.most),
            at_once: self.at_once.unwrap_or(defaults.at_once).max(1),
            seconds: self.seconds.unwrap_or(defaults.seconds),
            keep_seconds: self.keep_seconds.unwrap_or(defaults.keep_seconds),
        }
    }
}

/// `[postgres]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresFile {
    /// File with the password, so that it need not stand in the URL.
    pub password_file: Option<PathBuf>,
    /// Transactions that write at a time.
    pub writers: Option<usize>,
    /// Most connections for searches.
    pub searchers: Option<usize>,
}

/// `[terminology]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TerminologyFile {
    /// The folder that `norn terminology load` wrote.
    pub folder: Option<PathBuf>,
}

/// `[validation]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationFile {
    /// What becomes of a write that breaks a rule.
    pub mode: Mode,
    /// The same for single resource types, where it differs.
    pub types: HashMap<String, Mode>,
}

/// What becomes of a write that breaks a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is stored, and the log tells.
    Warn,
    /// Nothing is checked.
    Off,
}

impl From<Mode> for Enforcement {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Warn => Self::Warn,
            Mode::Off => Self::Off,
        }
    }
}

impl ValidationFile {
    fn read(self) -> Result<Validation, Ended> {
        let schema = &Definitions::embedded().schema;
        if let Some(unknown) = self.types.keys().find(|name| schema.resource_type(name).is_none()) {
            return Err(Ended::Misused(format!("[validation.types]: FHIR R4 has no resource type \"{unknown}\"")));
        }
        Ok(Validation::new(self.mode.into(), self.types.into_iter().map(|(name, mode)| (name, mode.into())).collect()))
    }
}

/// Where resources are kept; told without a password.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<Address>),
}

impl StoreUrl {
    /// Reads `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// When it is no URL of a store that is served. The text is not told: it may hold a password.
    pub fn read(text: &str) -> Result<Self, Ended> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            Some(("postgres" | "postgresql", _)) => {
                Address::read(text).map(Box::new).map(Self::Postgres).map_err(|error| Ended::Misused(error.to_string()))
            }
            _ => Err(Ended::Misused(
                "the store is none that Norn knows: write sqlite:PATH, for example sqlite:norn.db, or postgres://user@host/database"
                    .to_owned(),
            )),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => write!(f, "{address}"),
        }
    }
}

/// Everything a server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where resources are kept.
    pub store: StoreUrl,
    /// Base URL as clients see it; `None` for the address that is listened on.
    pub base_url: Option<String>,
    /// Level of the log.
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Certificate and key for HTTPS.
    pub tls: Option<Tls>,
    /// Limits on requests.
    pub limits: Limits,
    /// Most connections at a time.
    pub connections: usize,
    /// Sizes of pages.
    pub page_size: PageSize,
    /// Whether `_explain` tells how a search is run.
    pub explain: bool,
    /// Memory for current versions, in bytes.
    pub cache_bytes: u64,
    /// Whose scripts may read answers.
    pub cors: Cors,
    /// Bounds on requests that clients do not wait for.
    pub jobs: JobOptions,
    /// How a PostgreSQL database is used.
    pub postgres: postgres::Options,
    /// How writes are validated.
    pub validation: Arc<Validation>,
}

impl Config {
    /// Puts file, environment and arguments together.
    ///
    /// # Errors
    /// When the file cannot be read or a value makes no sense.
    pub fn read(serve: &Serve) -> Result<Self, Ended> {
        let file = match &serve.config {
            None => File::default(),
            Some(path) => parse(path)?,
        };
        Self::merge(&serve.serving, file, "sqlite:norn.db")
    }

    /// The configuration of arguments alone, with a store to fall back on.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn of(serving: &Serving, store: &str) -> Result<Self, Ended> {
        Self::merge(serving, File::default(), store)
    }

    fn merge(given: &Serving, file: File, store: &str) -> Result<Self, Ended> {
        let default_listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
        let listen = given.listen.or(file.listen).unwrap_or(default_listen);
        if !listen.ip().is_loopback() {
            let why = "no authorization is configured, so norn listens on loopback addresses only (127.0.0.1 or [::1]); every other client would have full access";
            return Err(Ended::Misused(format!("{listen}: {why}")));
        }
        let base_url = given.base_url.clone().or(file.base_url);
        if let Some(url) = &base_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(Ended::Misused(format!("\"{url}\" is not a base URL: write for example https://fhir.hospital.example{BASE_PATH}")));
        }
        let cors = Cors::new(&file.cors.origins, file.cors.credentials, file.cors.max_age.unwrap_or(600)).map_err(Ended::Misused)?;
        let mut url = StoreUrl::read(given.store.as_deref().or(file.store.as_deref()).unwrap_or(store))?;
        if let (StoreUrl::Postgres(address), Some(path)) = (&mut url, &file.postgres.password_file) {
            let cannot = |error| Ended::Misused(format!("the password file {} cannot be read: {error}", path.display()));
            address.password(std::fs::read_to_string(path).map_err(cannot)?.trim_end_matches(['\r', '\n']));
        }
        // Validation below asks for codes.
        terminology::install(file.terminology.folder.as_deref())?;
        let (limits, sizes, own) = (Limits::default(), PageSize::default(), postgres::Options::default());
        let most = file.search.max_count.unwrap_or(sizes.most);
        Ok(Self {
            listen,
            store: url,
            base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()),
            log: given.log.clone().or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: file.log_format,
            tls: file.tls,
            limits: Limits {
                bytes: file.limits.body_bytes.unwrap_or(limits.bytes),
                entries: file.limits.entries.unwrap_or(limits.entries),
                deletes: file.limits.deletes.unwrap_or(limits.deletes),
                ..limits
            },
            connections: file.limits.connections.unwrap_or(10_000),
            page_size: PageSize {
                default: file.search.default_count.unwrap_or(sizes.default).min(most),
                most,
                read: file.search.max_read.unwrap_or(sizes.read),
            },
            explain: file.search.explain,
            cache_bytes: file.cache_mib.unwrap_or(64) << 20,
            cors,
            jobs: file.jobs.options(),
            validation: Arc::new(file.validation.read()?),
            postgres: postgres::Options {
                writers: file.postgres.writers.unwrap_or(own.writers),
                searchers: file.postgres.searchers.unwrap_or(own.searchers),
                ..own
            },
        })
    }
}

fn parse(path: &Path) -> Result<File, Ended> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Ended::Misused(format!("the configuration {} cannot be read: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| Ended::Misused(format!("the configuration {} is wrong:\n{error}", path.display())))
}
