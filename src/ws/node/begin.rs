//! Says where sessions begin, many in one statement.

use std::sync::Arc;

use eventcenter_core::id::{DeviceId, UserId};
use eventcenter_core::store::StoreError;

use super::{Node, RETRY};
use crate::ws::session::Session;

/// Sessions in one statement; more wait for the next.
const SESSIONS_PER_READ: usize = 256;

impl Node {
    pub(super) async fn begin_sessions(self) {
        loop {
            tokio::select! {
                () = self.0.greetings.arrived() => {}
                () = self.0.tasks.stopping() => return,
            }
            loop {
                let sessions = self.0.greetings.take(SESSIONS_PER_READ);
                if sessions.is_empty() {
                    break;
                }
                if let Err(error) = self.begin_these(&sessions).await {
                    tracing::warn!(%error, sessions = sessions.len(), "sessions cannot begin");
                    // Whoever has left meanwhile is not asked for again.
                    self.0.greetings.extend(sessions.into_iter().filter(|one| !one.is_ending()));
                    if self.0.tasks.pause(RETRY).await {
                        return;
                    }
                }
            }
        }
    }

    async fn begin_these(&self, sessions: &[Arc<Session>]) -> Result<(), StoreError> {
        let asked: Vec<(UserId, DeviceId)> = sessions.iter().map(|one| (one.user, one.device())).collect();
        let starts = self.0.store.stream_starts(&asked).await?;
        for (session, start) in sessions.iter().zip(&starts) {
            session.begin(self.resume(), start);
            self.look_after(session);
        }
        Ok(())
    }
}
