//! The life of a delivery: what a try came to, and what follows from it.
//!
//! A channel turns a [`Message`] into a [`Report`]; [`Report::settle`] turns that into a [`Settlement`]; the store
//! writes it. No one else decides whether something is tried again.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::Event;
use crate::id::{LeaseId, UserId};
use crate::retry::Timing;

mod ambiguity;
mod ruling;
mod settlement;

pub use ambiguity::OnAmbiguous;
pub use ruling::Ruling;
pub use settlement::{Report, Settlement};
pub use subscription::{Engagement, Finding, Standing, Subscription};

/// A way to a person. Never rename one: stored rows outlive code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The person's stream, read over WebSocket.
    Ws,
    /// Web Push, to each of the person's browsers.
    Push,
    /// Mail.
    Email,
}

impl Channel {
    /// Every channel there is.
    pub const ALL: [Self; 3] = [Self::Ws, Self::Push, Self::Email];

    /// The name in SQL, JSON, metrics and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Push => "push",
            Self::Email => "email",
        }
    }

    /// The channel of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares a closed set of names that are stored, shown and used as metric labels.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every member.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The member of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

// After the macro that it uses.
mod subscription;

names! {
    /// Why something was not sent, though nothing went wrong.
    Skip {
        /// The person switched this type off on this channel.
        Preference = "preference",
        /// The person unsubscribed from the category.
        Unsubscribed = "unsubscribed",
        /// The address bounced or complained.
        Suppressed = "suppressed",
        /// The person has already seen it elsewhere.
        Seen = "seen",
        /// Its `expires_at` had passed.
        Expired = "expired",
        /// No mail address is known.
        NoAddress = "no_address",
        /// No browser is subscribed.
        NoSubscription = "no_subscription",
        /// The type is noise on this channel.
        Noise = "noise",
        /// A newer event with the same collapse key replaced it.
        Collapsed = "collapsed",
    }
}

names! {
    /// What went wrong with a try.
    Fault {
        /// No connection, or it broke.
        Unreachable = "unreachable",
        /// The provider did not answer in time.
        Timeout = "timeout",
        /// The provider asked for patience: 429, 4.7.x.
        Throttled = "throttled",
        /// Not asked at all: the provider wants patience, or does not answer anybody.
        Paused = "paused",
        /// The provider is in trouble: 5xx of HTTP, 4xx of SMTP.
        ProviderError = "provider_error",
        /// The provider refuses this message for good.
        Refused = "refused",
        /// The target no longer exists: 404, 410.
        Gone = "gone",
        /// The provider does not accept our credentials.
        Unauthorized = "unauthorized",
        /// The message is larger than the provider takes.
        TooLarge = "too_large",
        /// The target's stored data cannot be used.
        BadTarget = "bad_target",
        /// The mail server says that nobody has this address (5.1.x): it is to be suppressed.
        NoSuchAddress = "no_such_address",
        /// The mail server may have taken it: its last reply was lost (RFC 5321 §6.1).
        Ambiguous = "ambiguous",
        /// The mail server refuses us, whatever we send: our settings are wrong. The delivery outlives its schedule and
        /// waits until they are mended.
        Misconfigured = "misconfigured",
        /// Our own code failed on it.
        Crashed = "crashed",
    }
}

/// What one try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Sent,
    /// Worth another try, not before `after` if the provider said so.
    Retry {
        /// What went wrong.
        fault: Fault,
        /// The provider's Retry-After.
        after: Option<Duration>,
    },
    /// Will never work for this target.
    Failed(Fault),
    /// Not sent on purpose; concerns the delivery as a whole.
    Skipped(Skip),
    /// Its producer took it back; concerns the delivery as a whole.
    Canceled,
}

/// One try at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// A subscription's id or a shortened address; empty when it concerns the delivery as a whole.
    pub target: String,
    /// What it came to.
    pub outcome: Outcome,
    /// What the provider answered: an HTTP status, an SMTP reply. At most 200 characters are kept.
    pub code: Option<String>,
    /// How long the provider took.
    pub took: Duration,
}

impl Try {
    /// A verdict on the delivery as a whole, without asking any provider.
    pub const fn overall(outcome: Outcome) -> Self {
        Self { target: String::new(), outcome, code: None, took: Duration::ZERO }
    }
}

/// A delivery that a worker holds, with all that its channel needs to send it.
#[derive(Clone, Debug)]
pub struct Message {
    /// The batch it was claimed with.
    pub lease: LeaseId,
    /// The number of the try being made, from 1.
    pub attempt: u32,
    /// What to say.
    pub event: Box<Event>,
    /// What the clock says.
    pub timing: Timing,
    /// How long ago it came due, by the database's clock, when it was loaded.
    pub lag: Duration,
    /// Whether it may be sent now.
    pub ruling: Ruling,
    /// A target accepted it in an earlier try.
    pub was_sent: bool,
    /// Where to say it; only what the channel needs is filled in.
    pub contact: Contact,
}

/// Where a person can be reached on the channel at hand.
#[derive(Clone, Debug)]
pub enum Contact {
    /// The person's browsers, without those that an earlier try settled.
    Push(Vec<Subscription>),
    /// The person's mail address, if one is known.
    Email(Option<Recipient>),
    /// A channel that needs no address.
    None,
}

/// A person's mail address and how to speak to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
    /// What to call them.
    pub name: Option<String>,
    /// Their language, as a BCP 47 tag.
    pub locale: String,
    /// What the event's type wants when nobody knows whether the server took the mail.
    pub on_ambiguous: OnAmbiguous,
}

impl Outcome {
    /// Why it was not sent.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Sent | Self::Canceled => None,
            Self::Retry { fault, .. } | Self::Failed(fault) => Some(fault.as_str()),
            Self::Skipped(skip) => Some(skip.as_str()),
        }
    }

    /// The name in `attempts.outcome`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retry { .. } => "retry",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Canceled => "canceled",
        }
    }
}

names! {
    /// Where a delivery stands, in the words of `eventcenter.delivery_status`.
    State {
        /// Waiting for its `deliver_at`.
        Scheduled = "scheduled",
        /// Due, not yet claimed.
        Queued = "queued",
        /// A worker holds it.
        Sending = "sending",
        /// A try failed; the next one is planned.
        Retrying = "retrying",
        /// In the stream, or accepted by the provider.
        Sent = "sent",
        /// It reached the person's device.
        Delivered = "delivered",
        /// It became part of a digest.
        Digested = "digested",
        /// Not sent on purpose; the reason says why.
        Skipped = "skipped",
        /// Refused for good.
        Failed = "failed",
        /// Tries exhausted.
        Dead = "dead",
        /// Taken back by its producer.
        Canceled = "canceled",
    }
}
