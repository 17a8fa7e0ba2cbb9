//! How each push service is doing. One that asks for patience, fails, or hangs is left alone for a while, and pushes to
//! the others do not notice: what is for it goes back to the database with a later due time instead of waiting here.
//!
//! Each process learns this for itself, from the answers that it gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Fault, Outcome};
use eventcenter_core::metrics::PUSH_PAUSED;
use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::endpoint::{Endpoint, PushService};

/// Pushes under way to one origin. Further ones wait for [`PATIENCE`] at most: a connection of HTTP/2 carries about as
/// many, and a service that hangs holds no more than these of a worker's sends.
const IN_FLIGHT_MAX: usize = 100;
/// How long a push waits for one under way to end while none does. Whoever waits keeps a send from other services: a
/// second of this is a second in which nobody is sent anything.
const PATIENCE: Duration = Duration::from_millis(250);
/// An origin that answers nothing for so long, with as much under way as may be, hangs: what comes then is put off for
/// as long as a push may take. For one that is only slow, this is how long it is put off.
const STALL: Duration = Duration::from_secs(1);
/// How long a service that throttles without saying for how long is left alone: FCM asks for the next minute.
const THROTTLE_PAUSE: Duration = Duration::from_mins(1);
/// Failures in a row after which the circuit opens.
const FAILURES_MAX: u32 = 10;
/// How long an open circuit stays so before one push tries again: this, and twice as long after each that fails.
const OPEN_MIN: Duration = Duration::from_secs(2);
/// The longest that it stays open.
const OPEN_MAX: Duration = Duration::from_mins(1);
/// What is put off comes back within this part of its pause after it, spread out: everybody at once would be throttled
/// again, and keep others' pushes waiting behind them.
const SPREAD: f64 = 0.25;
/// Origins remembered. There are a handful unless operators allow any; when it is full, those that nothing is under way
/// to are forgotten.
const ORIGINS_MAX: usize = 512;

/// Every origin that was pushed to.
#[derive(Debug, Default)]
pub(super) struct Origins(Mutex<HashMap<String, Arc<Origin>>>);

/// Come back after this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PutOff(pub(super) Duration);

#[derive(Debug)]
struct Origin {
    service: PushService,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: Option<Closed>,
    /// Failures in a row.
    failures: u32,
    /// How often the circuit opened since there was an answer.
    openings: u32,
    /// Since when as much is under way as may be, without an answer.
    full_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    until: Instant,
    cause: Cause,
    /// One push is under way to see whether it may open; it has until then.
    is_probed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Throttled,
    Broken,
}

impl Origins {
    /// Lets a push to this endpoint's origin begin, or puts it off. `probe` is how long one push may take: while one
    /// tries an open circuit, the others wait for what it finds.
    pub(super) async fn admit(&self, endpoint: &Endpoint, probe: Duration) -> Result<Pass, PutOff> {
        let origin = self.origin(endpoint);
        origin.check(Instant::now(), probe)?;
        let permits = Arc::clone(&origin.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(Pass { origin, _permit: permit });
        }
        let patience = PATIENCE.saturating_sub(origin.full_for(Instant::now()));
        let Ok(Ok(permit)) = tokio::time::timeout(patience, permits.acquire_owned()).await else {
            // When nothing at all is answered, there is nothing to learn before those under way are given up.
            let hangs = origin.full_for(Instant::now()) >= STALL;
            return Err(PutOff(spread(if hangs { probe } else { STALL })));
        };
        origin.check(Instant::now(), probe)?;
        Ok(Pass { origin, _permit: permit })
    }

    fn origin(&self, endpoint: &Endpoint) -> Arc<Origin> {
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= ORIGINS_MAX {
            origins.retain(|_, origin| Arc::strong_count(origin) > 1);
        }
        let new = || {
            let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
            Arc::new(Origin { service: endpoint.service(), permits, state: Mutex::default() })
        };
        Arc::clone(origins.entry(endpoint.origin()).or_insert_with(new))
    }
}

impl Origin {
    /// Whether a push may begin. A pause that is over ends here; of an open circuit, one push at a time learns whether
    /// it may close.
    fn check(&self, now: Instant, probe: Duration) -> Result<(), PutOff> {
        let mut state = self.lock();
        let Some(closed) = state.closed else { return Ok(()) };
        if now < closed.until {
            return Err(PutOff(spread(closed.until - now)));
        }
        match closed.cause {
            Cause::Throttled => self.set(&mut state, None),
            Cause::Broken => state.closed = Some(Closed { until: now + probe, is_probed: true, ..closed }),
        }
        Ok(())
    }

    /// For how long as much has been under way as may be, without an answer; counts from now if it was not so before.
    fn full_for(&self, now: Instant) -> Duration {
        now.duration_since(*self.lock().full_since.get_or_insert(now))
    }

    /// Leaves it alone for `pause`, or for as long as was meant already.
    fn close(&self, state: &mut State, pause: Duration, cause: Cause) {
        let until = Instant::now() + pause;
        let meant = state.closed.filter(|closed| !closed.is_probed).map_or(until, |closed| closed.until);
        self.set(state, Some(Closed { until: until.max(meant), cause, is_probed: false }));
    }

    /// Counts a failure. Those that were under way when the circuit opened do not open it any further.
    fn failed(&self, state: &mut State) {
        state.failures = state.failures.saturating_add(1);
        let is_open = state.closed.is_some_and(|closed| !closed.is_probed);
        if state.failures < FAILURES_MAX || is_open {
            return;
        }
        let pause = OPEN_MIN.saturating_mul(1 << state.openings.min(16)).min(OPEN_MAX);
        state.openings += 1;
        self.close(state, pause, Cause::Broken);
    }

    fn set(&self, state: &mut State, closed: Option<Closed>) {
        let gauge = |cause: Cause| gauge!(PUSH_PAUSED, "service" => self.service.as_str(), "cause" => cause.as_str());
        if let Some(old) = state.closed {
            gauge(old.cause).decrement(1.0);
        }
        if let Some(new) = closed {
            gauge(new.cause).increment(1.0);
        }
        state.closed = closed;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *self.lock());
        self.set(&mut state, None);
    }
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Broken => "broken",
        }
    }
}

/// The right to push to an origin. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    origin: Arc<Origin>,
    _permit: OwnedSemaphorePermit,
}

impl Pass {
    /// Draws the conclusion from what a push came to; answers it with the wait that follows for this push.
    pub(super) fn conclude(&self, outcome: Outcome) -> Outcome {
        let mut state = self.origin.lock();
        match outcome {
            Outcome::Retry { fault: Fault::Throttled, after } => {
                state.answered();
                let pause = after.unwrap_or(THROTTLE_PAUSE);
                self.origin.close(&mut state, pause, Cause::Throttled);
                return Outcome::Retry { fault: Fault::Throttled, after: Some(spread(pause)) };
            }
            Outcome::Retry { fault: Fault::ProviderError, after: Some(pause) } => {
                state.answered();
                self.origin.close(&mut state, pause, Cause::Throttled);
            }
            Outcome::Retry { fault: Fault::Timeout, .. } => self.origin.failed(&mut state),
            Outcome::Retry { fault: Fault::ProviderError | Fault::Unreachable, .. } => {
                state.full_since = None;
                self.origin.failed(&mut state);
            }
            // Nobody was asked.
            Outcome::Failed(Fault::BadTarget | Fault::Crashed) | Outcome::Skipped(_) | Outcome::Canceled => {}
            Outcome::Sent | Outcome::Retry { .. } | Outcome::Failed(_) => {
                state.answered();
                if state.closed.is_some_and(|closed| closed.cause == Cause::Broken) {
                    self.origin.set(&mut state, None);
                }
            }
        }
        outcome
    }
}

impl State {
    const fn answered(&mut self) {
        self.failures = 0;
        self.openings = 0;
        self.full_since = None;
    }
}

fn spread(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + SPREAD * rand::random::<f64>())
}

#[cfg(test)]
mod tests;
