//! The one LISTEN connection of a process: turns notifications into wake-ups. It may lose any of them: everyone whom
//! it wakes also looks by itself, once a second.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use eventcenter_core::delivery::Channel;
use eventcenter_core::metrics::LISTENING;
use eventcenter_core::store::{Listener, Notice, StoreError};
use eventcenter_core::tasks::Tasks;
use metrics::gauge;
use tokio::sync::{Notify, watch};

use crate::answers::Waiters;
use crate::auth::Revocations;
use crate::ws;

/// Whom to wake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakeups {
    /// Workers, by their channel.
    pub(crate) workers: Vec<(Channel, Arc<Notify>)>,
    /// Requests that wait for answers.
    pub(crate) waiters: Waiters,
    /// The sockets of this process.
    pub(crate) node: Option<ws::Node>,
    /// What this process knows of revoked tokens.
    pub(crate) revocations: Revocations,
}

impl Wakeups {
    fn wake(&self, notice: &Notice) {
        match notice {
            Notice::Streams(users) => self.node.iter().for_each(|node| node.wake(users)),
            Notice::AllStreams => self.node.iter().for_each(ws::Node::wake_all),
            Notice::Due(channels) => self.wake_workers(|channel| channels.contains(&channel)),
            Notice::Marks { user, frame } => {
                self.node.iter().for_each(|node| node.tell(*user, &Bytes::from(frame.clone())))
            }
            Notice::Answered(action_id) => self.waiters.wake(action_id),
            Notice::Closings(id) => self.node.iter().for_each(|node| node.wake_roster(*id)),
            Notice::Revoked => self.revocations.wake(),
            Notice::Reconnected => self.wake_everyone(),
        }
    }

    fn wake_workers(&self, is_meant: impl Fn(Channel) -> bool) {
        for (_, wake) in self.workers.iter().filter(|(channel, _)| is_meant(*channel)) {
            wake.notify_one();
        }
    }

    fn wake_everyone(&self) {
        self.wake_workers(|_| true);
        self.waiters.wake_all();
        self.node.iter().for_each(ws::Node::wake_all);
        self.revocations.wake();
    }
}

/// Listens until `tasks` stop, and connects again whenever the connection is lost. `hearing` says whether it stands.
pub(crate) async fn run(url: String, wakeups: Wakeups, hearing: watch::Sender<bool>, tasks: Tasks) {
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .with_jitter();
    let mut pause = pauses.build();
    while !tasks.is_stopping() {
        match Listener::connect(&url).await {
            Ok(mut listener) => {
                pause = pauses.build();
                hearing.send_replace(true);
                gauge!(LISTENING).set(1.0);
                // Whatever was said before we listened.
                wakeups.wake_everyone();
                let error = hear(&mut listener, &wakeups, &tasks).await;
                hearing.send_replace(false);
                gauge!(LISTENING).set(0.0);
                if let Err(error) = error {
                    tracing::warn!(%error, "notifications are not heard; polling goes on");
                }
            }
            Err(error) => tracing::warn!(%error, "could not listen for notifications"),
        }
        tasks.pause(pause.next().unwrap_or_default()).await;
    }
}

async fn hear(listener: &mut Listener, wakeups: &Wakeups, tasks: &Tasks) -> Result<(), StoreError> {
    loop {
        tokio::select! {
            notice = listener.next() => wakeups.wake(&notice?),
            () = tasks.stopping() => return Ok(()),
        }
    }
}
