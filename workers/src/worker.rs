//! One apalis worker over one channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data, WorkerBuilder, WorkerError};
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use eventcenter_core::delivery::Channel;
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Deliver;
use crate::backend::{DeliveryBackend, Handful};
use crate::claimer::{self, Claimer};
use crate::findings;
use crate::handler::Handler;
use crate::leases::Leases;
use crate::loader::{Loader, Returns};
use crate::settler::{Results, Settler};

/// Connections to the database of one worker's own, which its claims, loads and settles share: with fewer they wait for each
/// other, with more the server's processes drive each other out of the processor's cache.
const CONNECTIONS: u32 = 3;

/// How a channel's worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Whose deliveries.
    pub channel: Channel,
    /// Deliveries claimed at once; up to four times as many by a channel that is done with them at once. Up to four
    /// batches are held before they start: one waits its turn, one is being loaded, one waits for that, one is being
    /// claimed.
    pub batch: usize,
    /// Sends under way at once: a crash sends at most this many a second time. Further ones wait in the batch.
    pub concurrency: usize,
    /// How long a lease lasts; it is renewed at a third of this. After a crash its deliveries wait this long.
    pub lease: Duration,
    /// The longest sleep when no notification comes: what a lost one costs.
    pub poll: Duration,
}

impl WorkerSettings {
    /// What suits a channel whose every send waits for somebody else's server.
    pub const fn of(channel: Channel) -> Self {
        let (batch, concurrency) = match channel {
            Channel::Ws => (500, 1),
            // A push service that hangs keeps its share of the sends, and the others still have theirs.
            Channel::Push => (500, 256),
            Channel::Email => (25, crate::email::CONNECTIONS),
        };
        Self { channel, batch, concurrency, lease: Duration::from_secs(30), poll: Duration::from_secs(1) }
    }
}

/// A channel's worker, ready to run.
#[derive(Clone)]
pub struct Worker {
    /// What sends.
    pub deliver: Arc<dyn Deliver>,
    /// Where deliveries are claimed and settled.
    pub store: Store,
    /// How it works.
    pub settings: WorkerSettings,
    /// Unique among all processes: its leases bear it.
    pub name: String,
    /// Cuts its sleep short.
    pub wake: Arc<Notify>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Worker {
    /// Works until `tasks` stop: then finishes what is in flight, gives back what was not started, and ends once the
    /// last result is written.
    pub async fn run(self, tasks: &Tasks) -> Result<(), WorkerError> {
        let Self { deliver, store, settings, name, wake } = self;
        let name: Arc<str> = format!("{name}/{}", settings.channel).into();
        let leases = Arc::new(Leases::default());
        let stop = CancellationToken::new();
        // Also when apalis gives up: a claimer that nobody works for would claim and give back for ever.
        let _stop = stop.clone().drop_guard();
        // Leases are kept alive until the last result is written.
        let worked = CancellationToken::new();
        let _worked = worked.clone().drop_guard();
        let (batches_in, batches) = mpsc::channel(2);
        let (jobs_in, jobs) = mpsc::channel(1);
        let (found, found_out) = mpsc::channel(findings::WAITING_MAX);

        let lane = store.lane(CONNECTIONS);
        let claimer = Claimer {
            store: lane.clone(),
            settings,
            name: Arc::clone(&name),
            leases: Arc::clone(&leases),
            wake,
            claimed: batches_in,
        };
        let returns = Returns { store: lane.clone(), name: Arc::clone(&name), leases: Arc::clone(&leases) };
        let loader = Loader {
            store: lane.clone(),
            channel: settings.channel,
            leases: Arc::clone(&leases),
            returns: returns.clone(),
            loaded: jobs_in,
        };
        let renewer = claimer::renew(store.clone(), Arc::clone(&leases), Arc::clone(&name), settings.lease, worked);
        let settler =
            Settler { store: lane, channel: settings.channel, name: Arc::clone(&name), leases: Arc::clone(&leases) };
        tasks.spawn(claimer.run(stop.clone()));
        tasks.spawn(loader.run(batches));
        tasks.spawn(renewer);
        tasks.spawn(findings::run(store.clone(), found_out));

        let results = Results::settled_by(&settler, tasks);
        let handler = Arc::new(Handler { channel: settings.channel, deliver, leases, results, found });
        let backend = DeliveryBackend::new(settings, Arc::clone(&handler), returns, jobs, stop);
        working(backend, &name, handler, tasks.clone()).await
    }
}

/// The apalis worker itself. Boxed here, because within an async function the compiler cannot tell that its many layers
/// are `Send`, and then nobody could spawn it.
fn working(
    backend: DeliveryBackend,
    name: &str,
    handler: Arc<Handler>,
    tasks: Tasks,
) -> BoxFuture<'static, Result<(), WorkerError>> {
    WorkerBuilder::new(name.to_owned())
        .backend(backend)
        .parallelize(spawn_handler)
        .data(handler)
        .build(handle)
        .run_until(async move {
            tasks.stopping().await;
            Ok::<(), WorkerError>(())
        })
        .boxed()
}

async fn handle(handful: Handful, handler: Data<Arc<Handler>>) -> Result<(), BoxDynError> {
    handler.handle(handful).await;
    Ok(())
}

/// On a thread of its own choosing: otherwise apalis polls every handler in one task, and encryption uses one core.
#[expect(clippy::disallowed_methods, reason = "apalis waits for every handler before it closes the backend")]
fn spawn_handler<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}
