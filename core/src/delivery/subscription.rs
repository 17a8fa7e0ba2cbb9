//! A browser as a target of pushes, and what its push service says of it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Contact, Fault, Outcome, Report};

/// A browser that asked for pushes.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Our own id: what `attempts` and logs call it.
    pub id: Uuid,
    /// Where to POST. A capability URL: whoever has it can send, so it is shown shortened.
    pub endpoint: String,
    /// The browser's P-256 public key, uncompressed (65 bytes).
    pub p256dh: Vec<u8>,
    /// The browser's authentication secret (16 bytes).
    pub auth: Vec<u8>,
    /// The VAPID key it was made with.
    pub vapid_key_id: String,
    /// When it was subscribed or renewed.
    pub updated_at: Timestamp,
    /// How long its type may wait at the push service when the event has no `expires_at`.
    pub ttl: Duration,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}

names! {
    /// How a subscription stands with its push service.
    Standing {
        /// It takes pushes.
        Accepts = "accepts",
        /// It takes none that are signed with the key it is stored with. Only a new subscription helps.
        Refuses = "refuses",
        /// It no longer exists.
        Gone = "gone",
    }
}

names! {
    /// What a browser tells of a push that reached it.
    Engagement {
        /// It was shown.
        Displayed = "displayed",
        /// The person clicked on it.
        Clicked = "clicked",
    }
}

/// What a try showed of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub id: Uuid,
    /// As it was loaded: one that was renewed since is another one.
    pub updated_at: Timestamp,
    /// What became clear.
    pub standing: Standing,
}

impl Report {
    /// What the tries at `contact` showed of its browsers. A passing trouble shows nothing.
    pub fn findings(&self, contact: &Contact) -> Vec<Finding> {
        let Contact::Push(subscriptions) = contact else { return Vec::new() };
        let of = |subscription: &Subscription| {
            let target = subscription.id.to_string();
            let outcome = self.tries.iter().find(|one| one.target == target)?.outcome;
            Some(Finding { id: subscription.id, updated_at: subscription.updated_at, standing: standing(outcome)? })
        };
        subscriptions.iter().filter_map(of).collect()
    }
}

fn standing(outcome: Outcome) -> Option<Standing> {
    match outcome {
        Outcome::Sent => Some(Standing::Accepts),
        Outcome::Failed(Fault::Unauthorized) => Some(Standing::Refuses),
        Outcome::Failed(Fault::Gone) => Some(Standing::Gone),
        Outcome::Failed(
            Fault::Unreachable
            | Fault::Timeout
            | Fault::Throttled
            | Fault::Paused
            | Fault::ProviderError
            | Fault::Refused
            | Fault::TooLarge
            | Fault::BadTarget
            | Fault::NoSuchAddress
            | Fault::Ambiguous
            | Fault::Misconfigured
            | Fault::Crashed,
        )
        | Outcome::Retry { .. }
        | Outcome::Skipped(_)
        | Outcome::Canceled => None,
    }
}
