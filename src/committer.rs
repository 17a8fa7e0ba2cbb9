//! Group commit: single HTTP emits become batches, so that many of them share one commit.
//!
//! Whatever arrives while the last flush is on its way is the next batch. An idle committer adds no wait; a busy one
//! fills its batches by itself. Where many wait, several flush side by side, each for its own people.

use std::array;
use std::time::{Duration, Instant};

use eventcenter_core::event::NewEvent;
use eventcenter_core::metrics::{EMIT_BATCH, EMIT_QUEUE};
use eventcenter_core::store::{Emitted, Store, StoreError, Verdict};
use eventcenter_core::tasks::Tasks;
use metrics::{gauge, histogram};
use tokio::sync::{mpsc, oneshot};

/// Events waiting for one flusher. A further one is turned away: [`EmitError::QueueFull`].
const QUEUE_MAX: usize = 2048;
/// Events in one flush. More wait for the next.
const BATCH_MAX: usize = 256;
/// Turns of others in a row that bring no further event, after which a batch is complete.
const IDLE_TURNS: u32 = 3;
/// Flushes under way at once: while one commits, another is parsed and planned.
const FLUSHERS: usize = 2;
/// Events waiting, below which one flusher takes all that come: two would take batches half as full, and a batch costs the
/// database half a millisecond however small it is.
const SHARED_FROM: usize = 64;
/// How long an event waits for a key that someone's open transaction is writing, before it is answered as busy.
const BUSY_WAIT: Duration = Duration::from_millis(500);
/// Between two tries at a busy key.
const BUSY_PAUSE: Duration = Duration::from_millis(25);
/// How often a batch that met somebody's lock is tried.
const LOCKED_TRIES: u32 = 3;

/// Why an event was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// Too many are waiting. Nothing was stored; ask again in a second.
    #[error("too many events are waiting to be stored")]
    QueueFull,
    /// The database did not confirm it. It may be stored all the same: ask again under the same id.
    #[error("the database is not available")]
    Unavailable,
    /// A rule of the schema refuses it; the name says which.
    #[error("the database refused it: {constraint}")]
    Refused {
        /// As in `deliver_at_is_at_most_90_days_ahead`.
        constraint: String,
    },
    /// A bug of ours; it is in the log.
    #[error("it could not be stored")]
    Failed,
}

/// The way into the database for single events. Cheap to clone; flushing ends once every clone is gone.
#[derive(Clone, Debug)]
pub struct Committer {
    queues: [mpsc::Sender<Waiting>; FLUSHERS],
}

#[derive(Debug)]
struct Waiting {
    event: NewEvent,
    since: Instant,
    answer: oneshot::Sender<Result<Emitted, EmitError>>,
}

impl Committer {
    /// Starts flushing.
    pub fn start(store: &Store, tasks: &Tasks) -> Self {
        let queues = array::from_fn(|_| {
            let (queue, waiting) = mpsc::channel(QUEUE_MAX);
            let flusher = Flusher { store: store.lane(1), queue: queue.downgrade(), tasks: tasks.clone() };
            tasks.spawn(flusher.run(waiting));
            queue
        });
        Self { queues }
    }

    /// The way in for what one request says.
    pub fn intake(&self) -> Intake<'_> {
        let waiting: usize = self.queues.iter().map(|queue| queue.max_capacity() - queue.capacity()).sum();
        let [first, ..] = &self.queues;
        Intake { queues: if waiting < SHARED_FROM { std::slice::from_ref(first) } else { &self.queues } }
    }

    /// [`Intake::emit`] for a single event.
    pub async fn emit(&self, event: NewEvent) -> Result<Emitted, EmitError> {
        self.intake().emit(event).await
    }
}

/// Takes events in. Those for one person that come by the same intake are stored in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub struct Intake<'a> {
    queues: &'a [mpsc::Sender<Waiting>],
}

impl Intake<'_> {
    /// Stores an event and answers once it is committed, with its deliveries planned and its stream told.
    pub async fn emit(&self, event: NewEvent) -> Result<Emitted, EmitError> {
        let (answer, answered) = oneshot::channel();
        let flusher = usize::try_from(event.user_id.get()).unwrap_or_default() % self.queues.len();
        let queue = self.queues.get(flusher).ok_or(EmitError::Failed)?;
        let place = queue.try_reserve().map_err(|_full| EmitError::QueueFull)?;
        enqueue(place, Waiting { event, since: Instant::now(), answer });
        answered.await.unwrap_or(Err(EmitError::Unavailable))
    }
}

struct Flusher {
    store: Store,
    /// For events whose key was busy. Weak, so that the queue ends with its users.
    queue: mpsc::WeakSender<Waiting>,
    tasks: Tasks,
}

impl Flusher {
    async fn run(self, mut waiting: mpsc::Receiver<Waiting>) {
        loop {
            let batch = next_batch(&mut waiting).await;
            if batch.is_empty() {
                return;
            }
            #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a batch holds 256")]
            gauge!(EMIT_QUEUE).decrement(batch.len() as f64);
            self.flush(batch).await;
        }
    }

    /// Stores a batch. When the data of one event is refused, the halves are tried apart, so that it fails alone.
    async fn flush(&self, batch: Vec<Waiting>) {
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            match self.store(&batch).await {
                Ok(emitted) => {
                    for (waiting, emitted) in batch.into_iter().zip(emitted) {
                        self.answer(waiting, emitted);
                    }
                }
                Err(error) if error.is_data() && batch.len() > 1 => {
                    let half = batch.split_off(batch.len() / 2);
                    batches.push(half);
                    batches.push(batch);
                }
                Err(error) => {
                    let error = explain(&error);
                    for waiting in batch {
                        waiting.answer.send(Err(error.clone())).ok();
                    }
                }
            }
        }
    }

    async fn store(&self, batch: &[Waiting]) -> Result<Vec<Emitted>, StoreError> {
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a batch holds 256")]
        histogram!(EMIT_BATCH).record(batch.len() as f64);
        let events: Vec<&NewEvent> = batch.iter().map(|waiting| &waiting.event).collect();
        let mut tries = 1;
        loop {
            match self.store.emit(&events).await {
                Err(StoreError::Locked(_)) if tries < LOCKED_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    /// An event whose key is busy goes back into the queue for a while: its neighbours do not wait for it.
    fn answer(&self, waiting: Waiting, emitted: Emitted) {
        if emitted.verdict != Verdict::Busy || waiting.since.elapsed() > BUSY_WAIT {
            waiting.answer.send(Ok(emitted)).ok();
            return;
        }
        let queue = self.queue.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(BUSY_PAUSE).await;
            // The queue is gone or full: then this is the answer.
            match queue.upgrade().as_ref().and_then(|queue| queue.try_reserve().ok()) {
                Some(place) => enqueue(place, waiting),
                None => drop(waiting.answer.send(Ok(emitted))),
            }
        });
    }
}

/// What waits, and what comes while the requests that are ready now have their turns: of those who were just answered,
/// many have the next event at hand, and a fuller batch costs each of them less. Where nothing is ready, a turn takes no
/// time. Empty once the queue has ended.
async fn next_batch(waiting: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    waiting.recv_many(&mut batch, BATCH_MAX).await;
    let mut turns = IDLE_TURNS;
    while turns > 0 && (1..BATCH_MAX).contains(&batch.len()) {
        tokio::task::yield_now().await;
        let had = batch.len();
        while batch.len() < BATCH_MAX
            && let Ok(one) = waiting.try_recv()
        {
            batch.push(one);
        }
        turns = if batch.len() > had { IDLE_TURNS } else { turns - 1 };
    }
    batch
}

fn enqueue(place: mpsc::Permit<'_, Waiting>, waiting: Waiting) {
    gauge!(EMIT_QUEUE).increment(1);
    place.send(waiting);
}

fn explain(error: &StoreError) -> EmitError {
    if let StoreError::Refused { constraint, .. } = error {
        return EmitError::Refused { constraint: constraint.clone() };
    }
    if error.is_transient() {
        tracing::warn!(%error, "could not store a batch of events");
        return EmitError::Unavailable;
    }
    tracing::error!(%error, "could not store a batch of events");
    EmitError::Failed
}
