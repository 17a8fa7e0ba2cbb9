//! `eventcenter key`

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Format, say, say_json, say_table};
use super::target::Target;
use super::{Error, Verdict};
use crate::auth::NewServiceKey;

/// Manage service keys: what services show to emit events.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key and print it: this once, since only its hash is kept.
    Create(Create),
    /// List every key ever made, without its secret.
    List(List),
    /// Refuse a key from now on. Running servers hear of it within 5 seconds.
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// What to call it, such as the service's name: 1 to 64 characters.
    name: String,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
pub(super) struct Revoke {
    /// Its number in `eventcenter key list`.
    id: i64,
    #[command(flatten)]
    target: Target,
}

impl Key {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<Verdict, Error> {
        let new = NewServiceKey::generate()?;
        let id = self.target.store()?.insert_service_key(&self.name, &new.prefix, &new.hash).await?;
        if self.format.json {
            say_json(&json!({"id": id, "name": self.name, "key": new.secret}))?;
        } else {
            say(new.secret)?;
        }
        Ok(Verdict::Holds)
    }
}

impl List {
    async fn run(self) -> Result<Verdict, Error> {
        let keys = self.target.store()?.service_keys().await?;
        if self.format.json {
            say_json(&keys)?;
            return Ok(Verdict::Holds);
        }
        let rows: Vec<[String; 5]> = keys
            .into_iter()
            .map(|key| {
                let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
                [key.id.to_string(), key.name, format!("{}…", key.prefix), format!("{:.0}", key.created_at), revoked]
            })
            .collect();
        say_table(["ID", "NAME", "KEY", "CREATED", "REVOKED"], &rows)?;
        Ok(Verdict::Holds)
    }
}

impl Revoke {
    async fn run(self) -> Result<Verdict, Error> {
        if self.target.store()?.revoke_service_key(self.id).await? {
            say(format_args!("key {} is revoked", self.id))?;
            return Ok(Verdict::Holds);
        }
        Err(Error::Impossible(format!("no key has the number {}: see `eventcenter key list`", self.id)))
    }
}
