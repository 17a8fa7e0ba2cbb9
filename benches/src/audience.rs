//! Many clients at once: each is a task of its own, which answers pings and says what it hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eventcenter::auth::Tokens;
use eventcenter_core::event::NewEvent;
use eventcenter_core::id::UserId;
use eventcenter_core::store::Store;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Result;
use crate::engine::LOOK;
use crate::frames::Frames;

/// Handshakes at a time.
pub(crate) const AT_ONCE: usize = 64;
/// Longer than a measurement takes.
const TOKEN_TTL: Duration = Duration::from_hours(1);
/// Events of one statement.
const BATCH: usize = 500;

/// Whoever is connected. All leave when it is dropped.
pub(crate) struct Crowd(JoinSet<Result<()>>);

impl Crowd {
    pub(crate) fn new() -> Self {
        Self(JoinSet::new())
    }

    /// Lets more in, some at a time. `hear` gets every text that any of them is sent.
    pub(crate) async fn add<F: Future<Output = Result<Frames>>>(
        &mut self,
        entering: impl IntoIterator<Item = F>,
        hear: impl Fn(&[u8]) + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        let mut entered = stream::iter(entering).buffer_unordered(AT_ONCE);
        while let Some(frames) = entered.try_next().await? {
            self.0.spawn(listen(frames, hear.clone()));
        }
        Ok(())
    }

    /// Nobody was sent away, or this is why.
    pub(crate) fn all_are_here(&mut self) -> Result<()> {
        self.0.try_join_next().unwrap_or(Ok(Ok(())))?
    }
}

async fn listen(mut frames: Frames, hear: impl Fn(&[u8])) -> Result<()> {
    loop {
        hear(&frames.next().await?);
    }
}

/// How many texts that begin so were heard.
#[derive(Clone)]
pub(crate) struct Tally {
    heard: Arc<AtomicUsize>,
    begin: &'static [u8],
}

impl Tally {
    pub(crate) fn of(begin: &'static [u8]) -> Self {
        Self { heard: Arc::default(), begin }
    }

    pub(crate) fn hear(&self, text: &[u8]) {
        if text.starts_with(self.begin) {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for so many, and answers when they were there, to a few milliseconds.
    pub(crate) async fn reaches(&self, count: usize, patience: Duration) -> Result<Instant> {
        let began = Instant::now();
        loop {
            let heard = self.heard.load(Ordering::Relaxed);
            if heard >= count {
                return Ok(Instant::now());
            }
            if began.elapsed() > patience {
                return Err(format!("{heard} frames of {count} came").into());
            }
            tokio::time::sleep(LOOK / 10).await;
        }
    }
}

/// A person's token.
pub(crate) fn token(tokens: &Tokens, person: usize) -> Result<String> {
    Ok(tokens.issue(UserId::new(i64::try_from(person)?).ok_or("not a person")?, TOKEN_TTL)?)
}

/// An event for the socket alone, with these members besides.
pub(crate) fn event(person: usize, mut members: Value) -> Result<NewEvent> {
    let base = json!({"user_id": person, "type": "job.done", "channels": ["ws"]});
    if let (Value::Object(members), Value::Object(base)) = (&mut members, base) {
        members.extend(base);
    }
    Ok(NewEvent::from_json(&members)?)
}

/// Stores very many events.
pub(crate) async fn emit_all(store: &Store, events: impl Iterator<Item = Result<NewEvent>>) -> Result<()> {
    let events: Vec<NewEvent> = events.collect::<Result<_>>()?;
    for batch in events.chunks(BATCH) {
        store.emit(&batch.iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}
