//! The log: to stderr, for people or for machines.

use tracing_subscriber::EnvFilter;

use super::Ended;
use super::config::LogFormat;

/// Starts the log.
pub(super) fn start(level: &str, format: LogFormat) -> Result<(), Ended> {
    let filter = EnvFilter::try_new(level).map_err(|error| Ended::Misused(format!("\"{level}\" is not a log level: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start in one process (the tests) keeps the first.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}
