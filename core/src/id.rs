//! Names of things, so that two of them cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An event's own id: a UUIDv7 minted by the database. Shown as `evt_` and 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// The id as the database stores it.
    pub const fn from_row(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads `evt_…`. `None` for anything else: it may still be a producer's own name.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("evt_").filter(|hex| hex.len() == 32)?;
        Uuid::try_parse(hex).ok().map(Self)
    }

    /// The id as the database stores it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.0.simple())
    }
}

/// A person: the host application's own user number, from 1 to 2^63-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct UserId(i64);

impl UserId {
    /// `None` unless positive.
    pub const fn new(id: i64) -> Option<Self> {
        if id > 0 { Some(Self(id)) } else { None }
    }

    /// The id of a stored row, which a CHECK keeps positive.
    pub const fn from_row(id: i64) -> Self {
        Self(id)
    }

    /// The number itself.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UserId {
    type Error = &'static str;

    fn try_from(id: i64) -> Result<Self, Self::Error> {
        Self::new(id).ok_or("a user id is an integer from 1 to 2^63-1")
    }
}

impl From<UserId> for i64 {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl std::str::FromStr for UserId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().and_then(Self::new).ok_or("a user id is an integer from 1 to 2^63-1")
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in a person's stream: 1, 2, 3 … without gaps. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client calls its browser or app: 1 to 64 of `A-Z a-z 0-9 _ -`. All sessions of a person that give no name
/// count as one device, the anonymous one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Box<str>);

impl DeviceId {
    /// Longest name, in characters. A longer one is refused.
    pub const MAX: usize = 64;

    /// `None` for what is no name of a device.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_name = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_plain);
        is_name.then(|| Self(text.into()))
    }

    /// The name; empty for the anonymous one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, unless it is the anonymous one.
    pub fn name(&self) -> Option<&str> {
        Some(self.as_str()).filter(|name| !name.is_empty())
    }
}

/// Within an epoch, a number means the same place in a stream. It changes when the database is restored or streams are
/// truncated. Eight characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch([u8; 8]);

impl Epoch {
    /// `None` for what is no name of an epoch.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        text.as_bytes().try_into().ok().filter(|bytes: &[u8; 8]| bytes.iter().all(is_plain)).map(Self)
    }

    /// The epoch of a stored row, which a CHECK keeps to its form.
    pub fn from_row(name: &str) -> Self {
        Self::parse(name).unwrap_or(Self(*b"--------"))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl Serialize for Epoch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One claimed batch. Numbers are never reused, so a stale holder can be told from the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(i64);

impl LeaseId {
    /// The id as the database stores it.
    pub const fn from_row(id: i64) -> Self {
        Self(id)
    }

    /// The id as the database stores it.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// One open session of a person, over a socket or an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new one.
    pub fn mint() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as the database stores it.
    pub const fn from_row(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as the database stores it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// A process that holds sessions, for as long as the database knows it: one that was given up takes a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Uuid);

impl NodeId {
    /// A new one.
    pub fn mint() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads what a notification says. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The id as the database stores it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}
