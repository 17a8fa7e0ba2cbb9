//! One apalis worker over one channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data, WorkerBuilder, WorkerBuilderExt, WorkerError};
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use eventcenter_core::delivery::{Channel, Outcome, Report, Ruling, Skip, Try};
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Deliver;
use crate::backend::DeliveryBackend;
use crate::claimer::{self, Claimer, Job};
use crate::leases::Leases;
use crate::settler::Settler;

/// How a channel's worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Whose deliveries.
    pub channel: Channel,
    /// Deliveries claimed at once, and held before they start. A crash sends at most this many a second time.
    pub batch: usize,
    /// Sends under way at once. Further ones wait in the batch.
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
            Channel::Push => (200, 100),
            Channel::Email => (50, crate::email::CONNECTIONS),
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
        // Leases are kept alive until the last result is written.
        let worked = CancellationToken::new();
        let _worked = worked.clone().drop_guard();
        let (jobs_in, jobs) = mpsc::channel(settings.batch);
        let (done, done_out) = mpsc::channel(settings.batch);

        let claimer = Claimer {
            store: store.clone(),
            settings,
            name: Arc::clone(&name),
            leases: Arc::clone(&leases),
            wake,
            jobs: jobs_in,
        };
        let renewer = claimer::renew(store.clone(), Arc::clone(&leases), Arc::clone(&name), settings.lease, worked);
        let settler = Settler {
            store: store.clone(),
            channel: settings.channel,
            name: Arc::clone(&name),
            leases: Arc::clone(&leases),
        };
        tasks.spawn(claimer.run(stop.clone()));
        tasks.spawn(renewer);
        tasks.spawn(settler.run(done_out));

        let backend =
            DeliveryBackend { settings, store, name: Arc::clone(&name), leases, jobs, done, stop, closing: None };
        working(backend, deliver, tasks.clone()).await
    }
}

/// The apalis worker itself. Boxed here, because within an async function the compiler cannot tell that its many layers
/// are `Send`, and then nobody could spawn it.
fn working(
    backend: DeliveryBackend,
    deliver: Arc<dyn Deliver>,
    tasks: Tasks,
) -> BoxFuture<'static, Result<(), WorkerError>> {
    let (name, concurrency) = (backend.name.to_string(), backend.settings.concurrency);
    WorkerBuilder::new(name)
        .backend(backend)
        .concurrency(concurrency)
        .parallelize(spawn_handler)
        .catch_panic()
        .data(deliver)
        .build(handle)
        .run_until(async move {
            tasks.stopping().await;
            Ok::<(), WorkerError>(())
        })
        .boxed()
}

/// On a thread of its own choosing: otherwise apalis polls every handler in one task, and encryption uses one core.
#[expect(clippy::disallowed_methods, reason = "apalis waits for every handler before it closes the backend")]
fn spawn_handler<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

async fn handle(job: Arc<Job>, deliver: Data<Arc<dyn Deliver>>) -> Result<Report, BoxDynError> {
    let message = &job.message;
    let waited = message.timing.after(job.loaded.elapsed());
    let is_late = waited.expires_in.is_some_and(|left| left.is_zero());
    Ok(match message.ruling {
        Ruling::Cancel => Try::overall(Outcome::Canceled).into(),
        Ruling::Send | Ruling::Skip(_) | Ruling::Hold(_) if is_late => {
            Try::overall(Outcome::Skipped(Skip::Expired)).into()
        }
        Ruling::Skip(reason) => Try::overall(Outcome::Skipped(reason)).into(),
        // What is held never comes as far as here.
        Ruling::Send | Ruling::Hold(_) => deliver.deliver(message).await,
    })
}
