//! What the process tells of itself, on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::Subscriber;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("--log cannot be read: {0}; it looks like info, or info,eventcenter_workers=debug")]
    Filter(#[from] ParseError),
    /// Something else logs already.
    #[error("logging is already set up")]
    Twice(#[from] TryInitError),
}

/// Logs from now on, for the whole process.
pub fn init(log: &Log) -> Result<(), LogError> {
    let filter = EnvFilter::builder().parse(&log.filter)?;
    let subscriber =
        Subscriber::builder().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    match log.format {
        LogFormat::Text => subscriber.finish().try_init()?,
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
