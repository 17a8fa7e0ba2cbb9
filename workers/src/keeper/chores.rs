//! What the keeper looks after beside appending: each chore at its own pace, and none of them in the way of another.

use std::time::Duration;

use eventcenter_core::metrics::{DIGESTS, LEASES_EXPIRED, NODES_GONE};
use eventcenter_core::store::{KeeperSession, Rescued, StoreError};
use metrics::counter;

use super::Every;

/// How often expired leases are looked for.
const RESCUE: Duration = Duration::from_secs(2);
/// How often snoozes are looked for that are over: at most that much later than they said, entries are back.
const WAKE: Duration = Duration::from_secs(2);
/// Entries that one look brings back. When there are more, the next look brings them.
const WAKE_MAX: i32 = 500;
/// How often digests are looked for whose hour has come.
const DIGEST: Duration = Duration::from_secs(5);
/// People whose digests one look seals, at some 4 ms each: direct inserts wait for it. While letters come of it, the next
/// look seals the next.
const DIGEST_MAX: i32 = 20;
/// How often nodes that are gone are looked for.
const SWEEP_SESSIONS: Duration = Duration::from_secs(2);
/// Sessions that one look forgets, so that nobody waits long for the locks of their people. The next looks take the rest.
const SESSIONS_MAX: i32 = 1000;

/// What is due when.
pub(super) struct Chores {
    rescue: Every,
    wake: Every,
    digest: Every,
    sweep_sessions: Every,
}

impl Chores {
    pub(super) fn new() -> Self {
        Self {
            rescue: Every::new(RESCUE),
            wake: Every::new(WAKE),
            digest: Every::new(DIGEST),
            sweep_sessions: Every::new(SWEEP_SESSIONS),
        }
    }

    /// Does what is due; an error means that the session is gone.
    pub(super) async fn tend(&mut self, session: &mut KeeperSession) -> Result<(), StoreError> {
        if self.rescue.is_due() {
            count_rescued(attempted(session.rescue().await)?);
        }
        if self.wake.is_due() && attempted(session.return_snoozed(WAKE_MAX).await)? >= i64::from(WAKE_MAX) {
            self.wake.again();
        }
        if self.digest.is_due() {
            let letters = attempted(session.seal_digests(DIGEST_MAX).await)?;
            if letters > 0 {
                self.digest.again();
            }
            counter!(DIGESTS).increment(u64::from(letters.unsigned_abs()));
        }
        if self.sweep_sessions.is_due() && attempted(session.sweep_sessions(SESSIONS_MAX).await)? {
            self.sweep_sessions.again();
            counter!(NODES_GONE).increment(1);
        }
        Ok(())
    }
}

/// What a chore came to. One that the database refuses keeps nothing else from being done, and is tried again in its
/// turn; a connection that is gone takes the keeper's lock with it, and ends the keeping.
fn attempted<T: Default>(chore: Result<T, StoreError>) -> Result<T, StoreError> {
    chore.or_else(|error| {
        if matches!(error, StoreError::Unavailable(_)) {
            return Err(error);
        }
        tracing::error!(%error, "a chore failed; it is tried again in its turn");
        Ok(T::default())
    })
}

fn count_rescued(rescued: Vec<Rescued>) {
    for rescued in rescued {
        let channel = rescued.channel.as_str();
        tracing::warn!(channel, deliveries = rescued.taken_back, dead = rescued.dead, "took back expired leases");
        counter!(LEASES_EXPIRED, "channel" => channel).increment(rescued.taken_back.unsigned_abs());
    }
}
