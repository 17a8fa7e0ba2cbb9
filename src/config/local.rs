//! What commands need besides the engine's own settings: where things are on this machine, and how to log.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::{Secret, parse};

/// The directory of `eventcenter dev`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Development")]
pub struct DevHome {
    /// Where `eventcenter dev` keeps its database, secrets, mail, and dev.json, which says how to reach it.
    #[arg(long, env = "EVENTCENTER_DEV_DATA", value_name = "DIR", default_value = ".dev")]
    pub data: PathBuf,
}

/// Where `eventcenter dev` finds Postgres.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Development")]
pub struct PostgresBinaries {
    /// The directory of `postgres` and `initdb`. Default: PATH, then the usual places.
    #[arg(long, env = "PG_BINDIR", value_name = "DIR")]
    pub pg_bindir: Option<PathBuf>,
}

impl PostgresBinaries {
    /// The directories in which programs are looked for.
    pub fn search_path() -> Option<OsString> {
        env::var_os("PATH")
    }
}

/// A service's way to the HTTP API.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct Client {
    /// The server. Default: the running `eventcenter dev`.
    #[arg(long, env = "EVENTCENTER_URL", value_name = "URL", value_parser = parse::site)]
    pub url: Option<Url>,

    /// A service key. Default: that of `eventcenter dev`, for its own URL only.
    #[arg(long, env = "EVENTCENTER_SERVICE_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<Secret>,
}

/// What is told of the process's own doing, on standard error.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// What to log: a level, or directives as in `info,eventcenter_workers=debug`.
    #[arg(long = "log", env = "EVENTCENTER_LOG", value_name = "FILTER", default_value = "info", global = true)]
    pub filter: String,

    /// One line for people, or one JSON object for machines.
    #[arg(
        long = "log-format",
        env = "EVENTCENTER_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text,
        global = true
    )]
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}
