//! An apalis backend over our own table.
//!
//! Claiming and settling are tasks of their own, joined to the worker by bounded channels, so that claim, send and
//! settle overlap and an error of the database never reaches apalis, which would end the worker on it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::worker::context::WorkerContext;
use eventcenter_core::delivery::{Channel, Fault, Finding, Outcome, Report, Try};
use eventcenter_core::id::{EventId, LeaseId};
use eventcenter_core::store::Store;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::claimer::{Job, give_back};
use crate::leases::Leases;
use crate::settler::Done;
use crate::worker::WorkerSettings;

/// Hands claimed deliveries to apalis, and takes their reports back.
pub(crate) struct DeliveryBackend {
    pub(crate) settings: WorkerSettings,
    pub(crate) store: Store,
    pub(crate) name: Arc<str>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) jobs: mpsc::Receiver<Arc<Job>>,
    pub(crate) done: mpsc::Sender<Done>,
    pub(crate) found: mpsc::Sender<Vec<Finding>>,
    /// Stops the claimer.
    pub(crate) stop: CancellationToken,
    pub(crate) closing: Option<BoxFuture<'static, ()>>,
}

impl fmt::Debug for DeliveryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryBackend").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Backend for DeliveryBackend {
    type Task = Task<Arc<Job>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.jobs.poll_recv(cx).map(|job| job.map(|job| Ok(TaskBuilder::new(job).build())))
    }

    /// Called once nothing is in flight: gives back what was not started, and waits until the last result is
    /// written, not merely taken.
    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if self.closing.is_none() {
            self.stop.cancel();
            self.closing = Some(self.close().boxed());
        }
        self.closing.as_mut().map_or(Poll::Ready(()), |closing| closing.poll_unpin(cx)).map(Ok)
    }
}

impl DeliveryBackend {
    fn close(&mut self) -> impl Future<Output = ()> + Send + 'static {
        self.jobs.close();
        let mut unstarted: Vec<(LeaseId, EventId)> = Vec::new();
        while let Ok(job) = self.jobs.try_recv() {
            unstarted.push((job.message.lease, job.message.event.id));
        }
        unstarted.sort_unstable();
        let (store, name, done, leases) =
            (self.store.clone(), Arc::clone(&self.name), self.done.clone(), Arc::clone(&self.leases));
        async move {
            let (answer, written) = oneshot::channel();
            if done.send(Done::Flush(answer)).await.is_ok() {
                drop(written.await);
            }
            for batch in unstarted.chunk_by(|one, two| one.0 == two.0) {
                let Some((lease, _)) = batch.first() else { continue };
                let ids: Vec<EventId> = batch.iter().map(|(_, id)| *id).collect();
                give_back(&store, &leases, &name, *lease, &ids).await;
            }
        }
    }
}

impl BackendConfig for DeliveryBackend {
    type Args = Arc<Job>;
    type Id = EventId;
    type Kind = Ephemeral;
    type Config = WorkerSettings;
    type Layer = SettleLayer;

    fn config(&self) -> &WorkerSettings {
        &self.settings
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> SettleLayer {
        SettleLayer {
            channel: self.settings.channel,
            leases: Arc::clone(&self.leases),
            done: self.done.clone(),
            found: self.found.clone(),
        }
    }
}

/// The outermost layer of the worker: whatever a try came to, a panic included, becomes a settlement.
#[derive(Clone, Debug)]
pub(crate) struct SettleLayer {
    channel: Channel,
    leases: Arc<Leases>,
    done: mpsc::Sender<Done>,
    found: mpsc::Sender<Vec<Finding>>,
}

impl<S> Layer<S> for SettleLayer {
    type Service = Settling<S>;

    fn layer(&self, inner: S) -> Settling<S> {
        Settling { inner, layer: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Settling<S> {
    inner: S,
    layer: SettleLayer,
}

impl<S> Service<Task<Arc<Job>>> for Settling<S>
where
    S: Service<Task<Arc<Job>>, Response = Report>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Arc<Job>>) -> Self::Future {
        let job = Arc::clone(&task.args);
        let layer = self.layer.clone();
        if !layer.leases.is_live(job.message.lease) {
            tracing::warn!(event.id = %job.message.event.id, "its lease ended before its turn came; left to rescue");
            layer.leases.finish(job.message.lease, 1);
            return async { Ok(()) }.boxed();
        }
        let sending = self.inner.call(task);
        async move {
            let report = sending.await.unwrap_or_else(|error| crashed(&job, &error.into()));
            let findings = report.findings(&job.message.contact);
            if !findings.is_empty() {
                layer.found.send(findings).await?;
            }
            let settlement = report.settle(&job.message, layer.channel, job.loaded.elapsed(), rand::random());
            layer.done.send(Done::Tried(settlement)).await?;
            Ok(())
        }
        .boxed()
    }
}

fn crashed(job: &Job, error: &BoxDynError) -> Report {
    tracing::error!(event.id = %job.message.event.id, %error, "a channel crashed; the delivery is tried again");
    Try::overall(Outcome::Retry { fault: Fault::Crashed, after: None }).into()
}
