//! Brings sessions what they missed: at their beginning, and after they were too slow. A page each, for many people in one
//! statement, beside the loop that brings what is new, so that a storm of reconnects does not hold that up.

use std::collections::HashSet;
use std::sync::Arc;

use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::store::StoreError;

use super::{ENTRIES_PER_READ, Node, RETRY, USERS_PER_READ, page, rows};
use crate::ws::session::Session;

/// Fewest entries that a session's page may bring, when many are read at once.
const PAGE_MIN: usize = 4;

impl Node {
    pub(super) async fn follow_behind(self) {
        loop {
            tokio::select! {
                () = self.0.behind.arrived() => {}
                () = self.0.tasks.stopping() => return,
            }
            loop {
                let sessions = self.take_behind();
                if sessions.is_empty() {
                    break;
                }
                if let Err(error) = self.read_pages(&sessions).await {
                    tracing::warn!(%error, sessions = sessions.len(), "the node cannot read what sessions missed");
                    self.0.behind.extend(sessions);
                    if self.0.tasks.pause(RETRY).await {
                        return;
                    }
                }
            }
        }
    }

    /// At most one session of each person: a statement has one cursor for a stream. The others wait for the next.
    fn take_behind(&self) -> Vec<Arc<Session>> {
        let mut users = HashSet::new();
        let sessions = self.0.behind.take(USERS_PER_READ);
        let (now, later): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|session| users.insert(session.user));
        self.0.behind.extend(later);
        now
    }

    async fn read_pages(&self, sessions: &[Arc<Session>]) -> Result<(), StoreError> {
        let behind: Vec<(&Arc<Session>, Seq, u16)> = sessions
            .iter()
            .filter_map(|session| session.start_page().map(|(cursor, limit)| (session, cursor, limit)))
            .collect();
        let Some(longest) = behind.iter().map(|(.., limit)| usize::from(*limit)).max() else { return Ok(()) };
        let limit = longest.min(ENTRIES_PER_READ / behind.len()).max(PAGE_MIN);
        let readers: Vec<(UserId, Seq)> = behind.iter().map(|(session, cursor, _)| (session.user, *cursor)).collect();
        let streams = self.0.store.read_streams(&readers, rows(limit)).await?;
        for (session, cursor, _) in behind {
            let entries = streams.get(&session.user).map_or(&[][..], Vec::as_slice);
            session.take_page(&page(cursor, entries, limit, |seq| session.kind_of(seq)));
            // An empty page leaves nothing to send, and so nobody else who would ask for the next.
            self.look_after(session);
        }
        Ok(())
    }
}
