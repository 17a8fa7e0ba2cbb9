//! `eventcenter migrate`

use clap::Args;

use super::output::say;
use super::target::Target;
use super::{Error, Verdict};

/// Bring the database's schema up to date. Safe to run at any time, from many machines at once.
#[derive(Args, Debug)]
pub(super) struct Migrate {
    #[command(flatten)]
    target: Target,
    /// Change nothing; succeed only if there is nothing to do.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        let store = self.target.store()?;
        if !self.check {
            store.migrate().await?;
        }
        if store.is_migrated().await? {
            say("the schema is up to date")?;
            return Ok(Verdict::Holds);
        }
        say("the schema is not that of this version: run `eventcenter migrate`")?;
        Ok(Verdict::DoesNot)
    }
}
