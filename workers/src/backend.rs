//! An apalis backend over our own table.
//!
//! Claiming, loading and settling are tasks of their own, joined to the worker by bounded channels, so that they overlap
//! with sending and an error of the database never reaches apalis, which would end the worker on it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::worker::context::WorkerContext;
use eventcenter_core::id::{EventId, LeaseId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, PollSemaphore};
use tower::layer::util::Identity;

use crate::handler::Handler;
use crate::loader::{Job, Returns};
use crate::worker::WorkerSettings;

/// An apalis task: a few deliveries of one lease. What apalis costs, a spawned task included, is paid once for all.
#[derive(Debug)]
pub(crate) struct Handful {
    pub(crate) lease: LeaseId,
    /// Never empty.
    pub(crate) jobs: Vec<Job>,
    /// One for each job.
    pub(crate) slots: OwnedSemaphorePermit,
}

/// Hands claimed deliveries to apalis.
pub(crate) struct DeliveryBackend {
    settings: WorkerSettings,
    handler: Arc<Handler>,
    returns: Returns,
    loaded: mpsc::Receiver<Vec<Job>>,
    /// What is left of one batch.
    waiting: VecDeque<Job>,
    /// One for each send that may be under way.
    slots: PollSemaphore,
    /// How many handfuls as many deliveries as may be under way at once are shared among.
    shares: usize,
    /// How many of this batch go together.
    share: usize,
    /// Stops the claimer.
    stop: CancellationToken,
    closing: Option<BoxFuture<'static, ()>>,
}

impl fmt::Debug for DeliveryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryBackend").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Backend for DeliveryBackend {
    type Task = Task<Handful>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        while self.waiting.is_empty() {
            match ready!(self.loaded.poll_recv(cx)) {
                Some(batch) => {
                    self.share = batch.len().min(self.settings.concurrency).div_ceil(self.shares);
                    self.waiting = batch.into();
                }
                None => return Poll::Ready(None),
            }
        }
        let slot = ready!(self.slots.poll_acquire(cx));
        Poll::Ready(slot.and_then(|slot| self.handful(slot)).map(|handful| Ok(TaskBuilder::new(handful).build())))
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
    /// Must be called within a Tokio runtime.
    pub(crate) fn new(
        settings: WorkerSettings,
        handler: Arc<Handler>,
        returns: Returns,
        loaded: mpsc::Receiver<Vec<Job>>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            settings,
            handler,
            returns,
            loaded,
            waiting: VecDeque::new(),
            slots: PollSemaphore::new(Arc::new(Semaphore::new(settings.concurrency))),
            // Two for each thread: then none is idle while another still has much to encrypt.
            shares: 2 * Handle::current().metrics().num_workers(),
            share: 1,
            stop,
            closing: None,
        }
    }

    /// A share of what waits, as far as slots are free.
    fn handful(&mut self, mut slots: OwnedSemaphorePermit) -> Option<Handful> {
        let share = self.share.min(self.waiting.len());
        let more = self.slots.available_permits().min(share.saturating_sub(1));
        if let Ok(more) = self.slots.clone_inner().try_acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX)) {
            slots.merge(more);
        }
        let jobs: Vec<Job> = self.waiting.drain(..slots.num_permits()).collect();
        Some(Handful { lease: jobs.first()?.message.lease, jobs, slots })
    }

    fn close(&mut self) -> impl Future<Output = ()> + Send + 'static {
        self.loaded.close();
        let mut loaded = mem::replace(&mut self.loaded, mpsc::channel(1).1);
        let mut unstarted = vec![Vec::from(mem::take(&mut self.waiting))];
        let (handler, returns) = (Arc::clone(&self.handler), self.returns.clone());
        async move {
            handler.results.written().await;
            // A batch that is being loaded still comes.
            while let Some(batch) = loaded.recv().await {
                unstarted.push(batch);
            }
            for batch in unstarted {
                let Some(lease) = batch.first().map(|job| job.message.lease) else { continue };
                let ids: Vec<EventId> = batch.iter().map(|job| job.message.event.id).collect();
                returns.give_back(lease, &ids).await;
            }
        }
    }
}

impl BackendConfig for DeliveryBackend {
    type Args = Handful;
    type Id = EventId;
    type Kind = Ephemeral;
    type Config = WorkerSettings;
    type Layer = Identity;

    fn config(&self) -> &WorkerSettings {
        &self.settings
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
