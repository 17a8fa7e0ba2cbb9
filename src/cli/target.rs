//! Which installation a command is about: the one that is named, else the running `eventcenter dev`.

use clap::Args;
use eventcenter_core::store::Store;

use super::Error;
use crate::config::{Database, DevHome, Secret};
use crate::dev::Running;

/// Connections of a command: it does one thing at a time.
const CONNECTIONS: u32 = 2;

#[derive(Args, Clone, Debug)]
pub(super) struct Target {
    #[command(flatten)]
    home: DevHome,
    #[command(flatten)]
    database: Database,
}

impl Target {
    /// Connects lazily.
    pub(super) fn store(&self) -> Result<Store, Error> {
        Ok(Store::connect(self.url()?.expose(), CONNECTIONS)?)
    }

    pub(super) fn url(&self) -> Result<Secret, Error> {
        if let Some(url) = &self.database.url {
            return Ok(url.clone());
        }
        let running = Running::read(&self.home.data).map_err(|error| {
            let ways = "set DATABASE_URL or --database-url, or start `eventcenter dev`";
            Error::Impossible(format!("no database: {ways} ({error})"))
        })?;
        Ok(running.database_url)
    }

    /// Past a pooler in transaction mode.
    pub(super) fn direct_url(&self) -> Result<Secret, Error> {
        self.database.direct_url.clone().map_or_else(|| self.url(), Ok)
    }
}
