//! Brings what is new to live sessions.
//!
//! Streams are read in batches, one at a time. Whoever is woken while a read is in flight waits for the next, so an
//! idle node adds no wait and a busy one reads many people at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::store::{StoreError, StreamHead};

use super::{ENTRIES_PER_READ, Node, RETRY, USERS_PER_READ, page, rows};
use crate::ws::frame::Kind;
use crate::ws::outbox::{Offered, Rest};
use crate::ws::session::Session;

/// Streams whose heads are looked up in one statement.
const HEADS_PER_READ: usize = 1000;
/// Every stream is compared with its head this often: what a lost notification costs at most.
const SWEEP: Duration = Duration::from_secs(1);

impl Node {
    pub(super) async fn follow_live(self) {
        loop {
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = self.0.tasks.stopping() => return,
            }
            while let Some(users) = self.take_woken() {
                if let Err(error) = self.read_for(&users).await {
                    tracing::warn!(%error, users = users.len(), "the node cannot read streams");
                    self.wake(&users);
                    if self.0.tasks.pause(RETRY).await {
                        return;
                    }
                }
            }
        }
    }

    fn take_woken(&self) -> Option<Vec<UserId>> {
        let mut woken = self.0.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let users: Vec<UserId> = woken.iter().copied().take(USERS_PER_READ).collect();
        for user in &users {
            woken.remove(user);
        }
        (!users.is_empty()).then_some(users)
    }

    async fn read_for(&self, users: &[UserId]) -> Result<(), StoreError> {
        let audience: Vec<(UserId, Seq, Vec<Arc<Session>>)> = users
            .iter()
            .filter_map(|user| {
                let sessions = self.0.registry.sessions_of(*user);
                let cursors = sessions.iter().filter_map(|session| session.read_from());
                // min() asks every session, which those that are not live must hear.
                Some((*user, cursors.min()?, sessions))
            })
            .collect();
        if audience.is_empty() {
            return Ok(());
        }
        let limit = ENTRIES_PER_READ / audience.len();
        let readers: Vec<(UserId, Seq)> = audience.iter().map(|(user, cursor, _)| (*user, *cursor)).collect();
        let streams = self.0.store.read_streams(&readers, rows(limit)).await?;
        for (user, cursor, sessions) in audience {
            let Some(entries) = streams.get(&user) else { continue };
            let page = page(cursor, entries, limit, |_| Kind::Live);
            let offered: Vec<Offered> = sessions.iter().map(|session| session.offer(&page)).collect();
            if page.rest == Rest::Maybe || offered.contains(&Offered::Again) {
                self.wake(&[user]);
            }
        }
        Ok(())
    }

    /// The floor under lost notifications.
    pub(super) async fn sweep(self) {
        // Nodes that started together do not look together for ever.
        while !self.0.tasks.pause(SWEEP.mul_f64(0.8 + 0.2 * chance())).await {
            for users in self.0.registry.users().chunks(HEADS_PER_READ) {
                if let Err(error) = self.compare(users).await {
                    tracing::warn!(%error, "the node cannot compare streams with their heads");
                }
            }
        }
    }

    async fn compare(&self, users: &[UserId]) -> Result<(), StoreError> {
        // Before the heads: a head that is read after a cursor can be behind it only if the stream is another one.
        let cursors: Vec<(Arc<Session>, Seq)> = users
            .iter()
            .flat_map(|user| self.0.registry.sessions_of(*user))
            .filter_map(|session| session.live_cursor().map(|cursor| (session, cursor)))
            .collect();
        let heads: HashMap<UserId, StreamHead> = self.0.store.stream_heads(users).await?;
        let misses = |(session, cursor): &(Arc<Session>, Seq)| {
            session.compare(*cursor, heads.get(&session.user).copied().unwrap_or_default())
        };
        let missing: Vec<UserId> = cursors.iter().filter(|one| misses(one)).map(|(session, _)| session.user).collect();
        if !missing.is_empty() {
            self.wake(&missing);
        }
        Ok(())
    }
}

/// From 0 to 1. The hasher's keys are random, which is enough to spread clocks.
fn chance() -> f64 {
    let [.., low, high] = RandomState::new().hash_one(()).to_be_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}
