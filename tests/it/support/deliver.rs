//! A channel that does what the test says, and a worker that runs it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Message, Outcome, Report, Try};
use eventcenter_core::id::EventId;
use eventcenter_core::store::{Listener, Notice, Store};
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::Deliver;
use eventcenter_workers::worker::{self, WorkerSettings};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::database::Database;

/// A worker claims, settles and renews at once.
const CONNECTIONS: u32 = 4;

type Script = dyn Fn(Message) -> BoxFuture<'static, Outcome> + Send + Sync;

/// Sends nothing: it notes each try, and then does what its script says.
pub(crate) struct Scripted {
    channel: Channel,
    script: Box<Script>,
    tries: Mutex<Vec<(EventId, u32)>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("tries", &self.tries).finish_non_exhaustive()
    }
}

impl Scripted {
    /// Does what `script` says.
    pub(crate) fn new<Sending>(
        channel: Channel,
        script: impl Fn(Message) -> Sending + Send + Sync + 'static,
    ) -> Arc<Self>
    where
        Sending: Future<Output = Outcome> + Send + 'static,
    {
        let script: Box<Script> = Box::new(move |message| Box::pin(script(message)));
        Arc::new(Self { channel, script, tries: Mutex::default() })
    }

    /// Its provider takes everything.
    pub(crate) fn sends_all(channel: Channel) -> Arc<Self> {
        Self::new(channel, |_| async { Outcome::Sent })
    }

    /// Every try so far: whose, and which number it had.
    pub(crate) fn tries(&self) -> Vec<(EventId, u32)> {
        self.tries.lock().unwrap().clone()
    }
}

impl Deliver for Scripted {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Report> {
        self.tries.lock().unwrap().push((message.event.id, message.attempt));
        Box::pin(async { Try::overall((self.script)(message.clone()).await).into() })
    }
}

/// A worker as production runs it, with the scripted channel.
#[derive(Debug)]
pub(crate) struct Worker {
    tasks: Tasks,
}

impl Worker {
    /// Starts it, with connections of its own: it can be killed alone. It hears notifications as a node does, and polls as often as `settings` say.
    pub(crate) fn start(db: &Database, deliver: &Arc<Scripted>, settings: WorkerSettings) -> Self {
        let tasks = Tasks::default();
        tasks.spawn(work(db.url().to_owned(), Arc::clone(deliver), settings, tasks.clone()));
        Self { tasks }
    }

    /// Tells it to stop.
    pub(crate) fn stop(&self) {
        self.tasks.stop();
    }

    /// Waits until it has stopped gracefully.
    pub(crate) async fn stopped(self) {
        assert!(self.tasks.drain(Duration::from_secs(20)).await, "the worker did not stop");
    }
}

async fn work(url: String, deliver: Arc<Scripted>, settings: WorkerSettings, tasks: Tasks) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("worker-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let store = Store::connect(&url, CONNECTIONS).unwrap();
    let wake = Arc::new(Notify::new());
    let mut listener = Listener::connect(&url).await.unwrap();
    let (woken, stopping) = (Arc::clone(&wake), tasks.clone());
    tasks.spawn(async move {
        let channel = settings.channel;
        loop {
            let notice = tokio::select! {
                () = stopping.stopping() => return,
                notice = listener.next() => notice,
            };
            match notice {
                Ok(Notice::Due(channels)) if !channels.contains(&channel) => {}
                Ok(
                    Notice::Streams(_)
                    | Notice::AllStreams
                    | Notice::Marks { .. }
                    | Notice::Answered(_)
                    | Notice::Closings(_)
                    | Notice::Revoked,
                ) => {}
                Ok(Notice::Due(_) | Notice::Reconnected) | Err(_) => woken.notify_one(),
            }
        }
    });
    worker::Worker { deliver, store, settings, name, wake }.run(&tasks).await.unwrap();
}
