//! Every setting, once: flag, environment variable, default and bounds. Nothing else reads the environment.
//!
//! The doc comments are the help texts. [`Settings::check`] says what is unsafe or contradictory.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

use crate::auth::COOKIE_NAME;

mod access;
mod answers;
mod channels;
mod check;
mod email;
mod local;
mod parse;
mod push;
mod retention;
mod secret;

pub use access::{Jwt, TokenRules};
pub use answers::Answers;
use check::NO_DATABASE;
pub use check::Refused;
pub use email::Email;
pub use local::{Client, DevHome, Log, LogFormat, PostgresBinaries};
pub use parse::duration;
pub use push::{Push, PushEndpoints};
pub use retention::Retention;
pub use secret::Secret;

/// How to reach the database.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// Postgres 15 or newer: `postgres://user:password@host:5432/database`.
    #[arg(long = "database-url", env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub url: Option<Secret>,

    /// Postgres itself, where the URL above leads to a pooler in transaction mode.
    ///
    /// LISTEN and the keeper's lock need a session of their own, which such a pooler takes away. Default: the database URL.
    #[arg(long = "database-direct-url", env = "DATABASE_DIRECT_URL", value_name = "URL", hide_env_values = true)]
    pub direct_url: Option<Secret>,
}

/// What `serve` and `dev` may take of the database.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct Pool {
    /// Connections of this process's pool, from 4 to 500. Besides them, two listen and keep house, two store events,
    /// and the workers of push and email have three each.
    ///
    /// A statement that finds none free for 3 seconds fails, and its caller hears 503.
    #[arg(
        long = "database-connections",
        env = "EVENTCENTER_DATABASE_CONNECTIONS",
        value_name = "N",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(4..=500),
    )]
    pub connections: u32,
}

/// Where we listen and who may call from a browser.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub struct Http {
    /// Address and port to listen on. Port 0 takes any free one.
    #[arg(long, env = "EVENTCENTER_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Origins whose pages may call us, comma-separated: `https://app.example.org`. Default: our own origin only.
    #[arg(
        long = "cors-origin",
        env = "EVENTCENTER_CORS_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = parse::origin,
    )]
    pub cors_origins: Vec<String>,

    /// The host application: a cta's path is resolved against it in mail and push.
    #[arg(long, env = "EVENTCENTER_APP_URL", value_name = "URL", value_parser = parse::site)]
    pub app_url: Option<Url>,

    /// Where the button leads when an event has no cta: a path of the application.
    #[arg(long, env = "EVENTCENTER_APP_PATH", value_name = "PATH", default_value = "/app")]
    pub app_path: String,

    /// The cookie that may hold a user token.
    #[arg(
        long,
        env = "EVENTCENTER_COOKIE",
        value_name = "NAME",
        default_value = COOKIE_NAME,
        value_parser = parse::cookie_name,
    )]
    pub cookie: String,
}

/// A part of the engine that a process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The HTTP API.
    Api,
    /// WebSocket sessions.
    Ws,
    /// The keeper: streams, partitions, retention. One process at a time works, the others stand by.
    Stream,
    /// The Web Push worker.
    Push,
    /// The mail worker.
    Email,
}

/// What this process does, and how it ends.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
pub struct Process {
    /// Run only these parts, comma-separated. /healthz, /readyz and /metrics are always there.
    #[arg(
        long,
        env = "EVENTCENTER_ONLY",
        value_name = "PART",
        value_enum,
        value_delimiter = ',',
        default_values_t = [Role::Api, Role::Ws, Role::Stream, Role::Push, Role::Email],
    )]
    pub only: Vec<Role>,

    /// How often the keeper looks for due deliveries when there were none, from 1ms to 1s.
    ///
    /// The longest that a direct SQL insert waits before it is seen; four times that after 5 quiet seconds. HTTP emits
    /// are seen at once.
    #[arg(
        long,
        env = "EVENTCENTER_LOOK_INTERVAL",
        value_name = "TIME",
        default_value = "25ms",
        value_parser = parse::look_interval,
    )]
    pub look_interval: Duration,

    /// How often a session is pinged, from 1s to 60s: below the time after which a proxy closes what is idle.
    #[arg(long, env = "EVENTCENTER_PING_INTERVAL", value_name = "TIME", default_value = "25s", value_parser = parse::ping_interval)]
    pub ping_interval: Duration,

    /// How long a stop may take. What is unfinished by then is sent again by another process.
    #[arg(
        long,
        env = "EVENTCENTER_DRAIN_TIME",
        value_name = "TIME",
        default_value = "20s",
        value_parser = parse::duration,
    )]
    pub drain_time: Duration,
}

impl Process {
    /// Whether this process runs that part.
    pub fn runs(&self, role: Role) -> bool {
        self.only.contains(&role)
    }
}

/// Everything that a process which serves must know.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// How to reach the database.
    #[command(flatten)]
    pub database: Database,
    /// How much of it to take.
    #[command(flatten)]
    pub pool: Pool,
    /// Where to listen.
    #[command(flatten)]
    pub http: Http,
    /// Which people are let in.
    #[command(flatten)]
    pub jwt: Jwt,
    /// Which of their tokens count.
    #[command(flatten)]
    pub tokens: TokenRules,
    /// Web Push.
    #[command(flatten)]
    pub push: Push,
    /// Mail.
    #[command(flatten)]
    pub email: Email,
    /// How mail is answered.
    #[command(flatten)]
    pub answers: Answers,
    /// How long things are kept.
    #[command(flatten)]
    pub retention: Retention,
    /// What this process does.
    #[command(flatten)]
    pub process: Process,
}

impl Settings {
    /// Where the database is, password included.
    pub fn database_url(&self) -> Result<String, Refused> {
        let url = self.database.url.as_ref().map(|url| url.expose().to_owned());
        url.ok_or_else(|| Refused(vec![NO_DATABASE.to_owned()]))
    }

    /// Where it is past any pooler, password included.
    pub fn direct_url(&self) -> Result<String, Refused> {
        let url = self.database.direct_url.as_ref().map(|url| url.expose().to_owned());
        url.map_or_else(|| self.database_url(), Ok)
    }
}
