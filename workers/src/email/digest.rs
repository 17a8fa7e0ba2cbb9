//! What a digest tells: the `data` of an event whose type is `digest`.

use serde::{Deserialize, Serialize};

/// The type of event that is a digest.
pub const DIGEST: &str = "digest";

/// Items by group, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Services, conversations, or whatever they are grouped by.
    pub groups: Vec<DigestGroup>,
    /// How many items are in no group, since there were too many.
    #[serde(default)]
    pub more: u64,
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestGroup {
    /// What people call it.
    pub name: String,
    /// What is shown of it.
    pub items: Vec<DigestItem>,
    /// How many items are left out: "and N more".
    #[serde(default)]
    pub more: u64,
}

/// An event, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestItem {
    /// The event's title.
    pub title: String,
    /// The event's cta: http(s), or a path of the app. One that leads anywhere else is no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was, in the person's own words and zone: `14:05`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How many events it stands for, when more than one were collapsed into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}
