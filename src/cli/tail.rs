//! `eventcenter tail`

use std::time::Duration;

use clap::Args;
use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::store::{Listener, Store, StreamEntry};
use serde_json::json;
use tokio::time::timeout;

use super::output::{Format, say, say_json};
use super::target::Target;
use super::{Error, Verdict};

/// Entries read at once; the rest follows at once.
const PAGE: i64 = 100;
/// A notification is only a hint: this often we look without one.
const POLL: Duration = Duration::from_secs(1);

/// Print a person's stream as it grows, until Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Tail {
    /// Whose.
    #[arg(long, value_name = "ID")]
    user: UserId,
    /// Begin after this number; 0 is the beginning. Default: what comes from now on.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

impl Tail {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        tokio::select! {
            error = self.follow() => error.map(|()| Verdict::Holds),
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted.map(|()| Verdict::Holds)?),
        }
    }

    /// Ends only by an error.
    async fn follow(&self) -> Result<(), Error> {
        let store = self.target.store()?;
        let mut listener = Listener::connect(self.target.direct_url()?.expose()).await?;
        let mut cursor = match self.after {
            Some(seq) => Seq(seq),
            None => head(&store, self.user).await?,
        };
        loop {
            let entries = store.read_streams(&[(self.user, cursor)], PAGE).await?.remove(&self.user);
            let Some(entries) = entries else {
                // Whatever was heard, or nothing within the time: look again.
                if let Ok(heard) = timeout(POLL, listener.next()).await {
                    heard?;
                }
                continue;
            };
            for entry in entries {
                self.show(&entry)?;
                cursor = entry.seq;
            }
        }
    }

    fn show(&self, StreamEntry { seq, planned }: &StreamEntry) -> Result<(), Error> {
        if self.format.json {
            say_json(&json!({"seq": seq, "event": planned}))?;
        } else {
            let event = &planned.event;
            say(format_args!("{seq:>6}  {:.0}  {:<16}  {}", event.created_at, event.kind, event.title))?;
        }
        Ok(())
    }
}

async fn head(store: &Store, user: UserId) -> Result<Seq, Error> {
    Ok(store.stream_heads(&[user]).await?.get(&user).copied().unwrap_or_default().last)
}
