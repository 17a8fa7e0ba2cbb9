//! What a node does by the clock, and at its end.

use std::time::Duration;

use eventcenter_core::metrics::WS_ACKS;
use jiff::Timestamp;
use metrics::counter;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Node, RETRY};
use crate::ws::end::End;

/// How long an acknowledgement waits for others before all are written: some twelve statements a second at most.
const GATHER: Duration = Duration::from_millis(75);
/// Cursors in one statement; more follow in the next.
const CURSORS_PER_WRITE: usize = 2000;

impl Node {
    /// Looks at each session when its second has come.
    pub(super) async fn turn_wheel(self) {
        let mut seconds = interval(Duration::from_secs(1));
        // A turn that comes late is made up for, so that a second of the wheel stays a second.
        seconds.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                _ = seconds.tick() => {}
                () = self.0.tasks.stopping() => return,
            }
            let wall = Timestamp::now().as_second();
            for session in self.0.wheel.turn().iter().filter_map(std::sync::Weak::upgrade) {
                if let Some(after) = session.look(self.resume(), wall) {
                    self.0.wheel.put(&session, after);
                }
            }
        }
    }

    /// Writes acknowledgements down, until the process stops and the last session has ended.
    pub(super) async fn write_acks(self) {
        loop {
            tokio::select! {
                () = self.0.acks.arrived() => {}
                () = self.0.tasks.stopping() => break,
            }
            sleep(GATHER).await;
            self.write_waiting().await;
        }
        while self.sessions() > 0 {
            sleep(GATHER).await;
        }
        self.write_waiting().await;
    }

    async fn write_waiting(&self) {
        loop {
            let acks = self.0.acks.take(CURSORS_PER_WRITE);
            if acks.is_empty() {
                return;
            }
            match self.0.store.acknowledge(&acks).await {
                Ok(()) => counter!(WS_ACKS).increment(u64::try_from(acks.len()).unwrap_or(u64::MAX)),
                Err(error) => {
                    tracing::warn!(%error, cursors = acks.len(), "acknowledgements cannot be written yet");
                    for (user, device, seq) in acks {
                        self.0.acks.put(user, device, seq);
                    }
                    if self.0.tasks.pause(RETRY).await {
                        return;
                    }
                }
            }
        }
    }

    /// Sends every session elsewhere once the process stops.
    pub(super) async fn drain(self) {
        self.0.tasks.stopping().await;
        for session in self.0.registry.close() {
            session.end(End::Drain(self.0.settings.drain_time));
        }
    }
}
