//! What a service says: an event, as it is asked for and as it is stored.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::delivery::Channel;
use crate::id::{EventId, UserId};

mod choice;
mod parse;

pub use choice::{Choice, word};
pub use parse::{FAULTS_MAX, InvalidEvent, InvalidField};

/// Longest `type`, in characters. A longer one is refused, here and by the database.
pub const TYPE_MAX: usize = 64;
/// Longest `title`, in characters.
pub const TITLE_MAX: usize = 256;
/// Longest `body`, in bytes of UTF-8.
pub const BODY_MAX: usize = 16 * 1024;
/// Largest `data`, in bytes of the text that Postgres makes of it.
pub const DATA_MAX: usize = 32 * 1024;
/// Longest `cta.label`, in characters.
pub const CTA_LABEL_MAX: usize = 64;
/// Longest `cta.url`, in bytes.
pub const CTA_URL_MAX: usize = 2048;
/// Longest `id`, `Idempotency-Key` and `collapse_key`, in characters.
pub const KEY_MAX: usize = 255;

/// How much an event matters to the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    #[default]
    Info,
    /// Better look.
    Warning,
    /// Something failed.
    Error,
    /// Look now: passes quiet hours.
    Critical,
}

impl Level {
    const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The name in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// A restriction for producers that do not want to name channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelHint {
    /// What the type says.
    Auto,
    /// Only while the person is online, or when they come back.
    WebsocketOnly,
    /// Only to devices.
    PushOnly,
}

impl ChannelHint {
    const ALL: [Self; 3] = [Self::Auto, Self::WebsocketOnly, Self::PushOnly];

    /// The name in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::WebsocketOnly => "websocket_only",
            Self::PushOnly => "push_only",
        }
    }

    /// The hint of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hint| hint.as_str() == name)
    }

    /// Whether a producer may ask for `channel` under this hint.
    pub fn allows(self, channel: Channel) -> bool {
        match self {
            Self::Auto => true,
            Self::WebsocketOnly => channel == Channel::Ws,
            Self::PushOnly => channel == Channel::Push,
        }
    }
}

/// The one thing that the person is invited to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cta {
    /// The button's text: one line of 1 to 64 characters.
    pub label: String,
    /// Where it leads: http(s), or a path that is resolved against the configured app URL. At most 2,048 bytes.
    pub url: String,
}

/// An event that a producer asks for. Whoever holds one knows that it is within every bound above; made by
/// [`NewEvent::from_json`].
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The producer's own name for it.
    pub key: Option<String>,
    /// Who should know.
    pub user_id: UserId,
    /// `[a-z0-9_.-]{1,64}`.
    pub kind: String,
    /// One line.
    pub title: String,
    /// May be empty.
    pub body: String,
    /// How much it matters.
    pub level: Level,
    /// A non-empty set, or `None` to let hint and type decide.
    pub channels: Option<Vec<Channel>>,
    /// See [`ChannelHint`].
    pub channel_hint: Option<ChannelHint>,
    /// See [`Cta`].
    pub cta: Option<Cta>,
    /// The producer's own object, passed through.
    pub data: Option<Box<RawValue>>,
    /// Not before. At most 90 days ahead, which the database's clock decides.
    pub deliver_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// Newer events with the same key replace older ones on a device.
    pub collapse_key: Option<String>,
}

/// A stored event: what its producer said to the person. Bringing it to them takes no more.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventContent)]
pub struct Event {
    /// The event's own id. In JSON the public id stands in its place: see [`Event::public_id`].
    #[serde(skip)]
    #[schema(ignore)]
    pub id: EventId,
    /// The producer's own name for it, or `evt_…`.
    #[serde(rename = "id", serialize_with = "serialize_public_id")]
    #[schema(value_type = String, example = "evt_01a20692a88e72f1824ea4cc05cff2e1")]
    pub key: PublicId,
    /// Who should know.
    #[schema(value_type = i64, minimum = 1)]
    pub user_id: UserId,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line.
    pub title: String,
    /// May be empty.
    pub body: String,
    /// How much it matters.
    pub level: Level,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cta: Option<Cta>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Box<RawValue>>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deliver_at: Option<Timestamp>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// When its transaction began, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A stored event with its channels resolved: the whole of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct PlannedEvent {
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
    /// What was planned.
    pub channels: Vec<Channel>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_hint: Option<ChannelHint>,
}

impl Event {
    /// How the event is called outside, everywhere and for ever.
    pub fn public_id(&self) -> String {
        self.key.to_string()
    }
}

/// How an event is called outside: by its producer's own name, or by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicId {
    /// The producer's own name.
    Key(String),
    /// `evt_…`.
    Id(EventId),
}

impl PublicId {
    /// The name that a row's `id` and `key` give.
    pub fn from_row(id: EventId, key: Option<String>) -> Self {
        key.map_or(Self::Id(id), Self::Key)
    }

    /// What someone outside called it.
    pub fn parse(text: &str) -> Self {
        EventId::parse(text).map_or_else(|| Self::Key(text.to_owned()), Self::Id)
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Id(id) => id.fmt(f),
        }
    }
}

fn serialize_public_id<S: serde::Serializer>(id: &PublicId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
