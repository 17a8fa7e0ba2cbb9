//! From what was tried to what follows.

use std::time::Duration;

use super::{Channel, Fault, Message, Outcome, State, Try};
use crate::id::{EventId, LeaseId};
use crate::retry::{RetryPolicy, Timing};

/// What a channel did with a message: one or more tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were made; never empty.
    pub tries: Vec<Try>,
}

impl From<Try> for Report {
    fn from(only: Try) -> Self {
        Self { tries: vec![only] }
    }
}

/// What follows from a report, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The lease that is settled.
    pub lease: LeaseId,
    /// Whose delivery.
    pub event_id: EventId,
    /// On which channel.
    pub channel: Channel,
    /// The number of the try.
    pub attempt: u32,
    /// Until the next try, or `None` when the delivery is settled.
    pub retry_in: Option<Duration>,
    /// The last try's row settles it when there is no retry.
    pub tries: Vec<Try>,
    /// A target accepted it, in this try or an earlier one.
    pub was_sent: bool,
    /// There was something to retry and no time left for it.
    pub is_dead: bool,
    /// From when it was due until now.
    pub lag: Duration,
}

impl Settlement {
    /// What the delivery came to, in the words of [`State`].
    pub fn state(&self) -> State {
        if self.was_sent {
            return State::Sent;
        }
        if self.retry_in.is_some() {
            return State::Retrying;
        }
        if self.is_dead {
            return State::Dead;
        }
        match self.tries.last().map(|one| one.outcome) {
            Some(Outcome::Skipped(_)) => State::Skipped,
            Some(Outcome::Canceled) => State::Canceled,
            Some(Outcome::Sent | Outcome::Retry { .. } | Outcome::Failed(_)) | None => State::Failed,
        }
    }

    /// Why it is not sent: the reason of the last try that has one.
    pub fn reason(&self) -> Option<&'static str> {
        if self.was_sent {
            return None;
        }
        self.tries.iter().rev().find_map(|one| one.outcome.reason())
    }
}

impl Report {
    /// Decides what follows. Any target worth another try keeps the delivery alive while its schedule lasts. It comes
    /// back for the first of them: a provider that asked for an hour must not make another's browser wait that long,
    /// and its channel knows better than to ask it too early.
    pub fn settle(self, message: &Message, channel: Channel, elapsed: Duration, jitter: f64) -> Settlement {
        let policy = RetryPolicy::of(channel);
        let timing = message.timing.after(elapsed);
        let wanted: Vec<(Timing, Option<Duration>)> = self
            .tries
            .iter()
            .filter_map(|one| match one.outcome {
                // No schedule runs out on a fault of ours: only the event itself may expire.
                Outcome::Retry { fault: Fault::Misconfigured, after } => {
                    Some((Timing { age: Duration::ZERO, ..timing }, after))
                }
                Outcome::Retry { after, .. } => Some((timing, after)),
                Outcome::Sent | Outcome::Failed(_) | Outcome::Skipped(_) | Outcome::Canceled => None,
            })
            .collect();
        let retry_in =
            wanted.iter().filter_map(|(timing, after)| policy.next(message.attempt, *timing, *after, jitter)).min();
        Settlement {
            lease: message.lease,
            event_id: message.event.id,
            channel,
            attempt: message.attempt,
            retry_in,
            was_sent: message.was_sent || self.tries.iter().any(|one| one.outcome == Outcome::Sent),
            is_dead: !wanted.is_empty() && retry_in.is_none(),
            tries: self.tries,
            lag: message.lag + elapsed,
        }
    }
}
