//! `eventcenter serve`

use clap::Args;
use eventcenter_core::store::Store;
use tokio::net::TcpListener;

use super::{Error, Verdict};
use crate::config::{Refused, Role, Settings};

/// Run the engine beside your own Postgres, until SIGTERM or Ctrl-C; then finish what is in flight.
///
/// Refuses to start with unsafe settings, with one line for each. Run as many as you like: they share the work.
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        self.settings.check()?;
        check_database(&self.settings).await?;
        let listen = self.settings.http.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| Error::Impossible(format!("cannot listen on {listen}: {error}")))?;
        Box::pin(crate::serve::run(self.settings, listener, std::convert::identity)).await?;
        Ok(Verdict::Holds)
    }
}

/// What only the database knows.
async fn check_database(settings: &Settings) -> Result<(), Error> {
    let store = Store::connect(&settings.database_url()?, 1)?;
    let is_migrated = store.is_migrated().await?;
    let mut faults = Vec::new();
    if !is_migrated {
        faults.push("the database's schema is not that of this version: run `eventcenter migrate`".to_owned());
    }
    if is_migrated && settings.process.runs(Role::Api) && store.active_service_keys().await?.is_empty() {
        faults.push("no service key: no service could emit; run `eventcenter key create NAME`".to_owned());
    }
    store.close().await;
    if faults.is_empty() { Ok(()) } else { Err(Refused(faults).into()) }
}
