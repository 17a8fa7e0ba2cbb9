//! What people do with the entries of their inbox.

use jiff::Timestamp;

use crate::event::PublicId;
use crate::id::{Seq, UserId};
use crate::store::{Store, StoreError};

/// Entries that one transaction marks. More are marked by further ones, between which the stream may grow.
const MARK_MAX: i32 = 5000;

/// What a person does with entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// They were shown.
    Seen,
    /// They were read, and so seen.
    Read,
    /// They are to be read again.
    Unread,
    /// They are put away.
    Archive,
    /// They are back, as read as they were.
    Unarchive,
    /// They sleep until then: at most 90 days, by the database's clock.
    Snooze(Timestamp),
    /// They return now.
    Unsnooze,
}

impl Mark {
    /// The name in SQL, paths and frames.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Snooze(_) => "snooze",
            Self::Unsnooze => "unsnooze",
        }
    }

    /// The same for everything up to some number, where that makes sense.
    pub const fn as_sweep(self) -> Option<Sweep> {
        match self {
            Self::Seen => Some(Sweep::Seen),
            Self::Read => Some(Sweep::Read),
            Self::Archive => Some(Sweep::Archive),
            Self::Unread | Self::Unarchive | Self::Snooze(_) | Self::Unsnooze => None,
        }
    }

    const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Snooze(until) => Some(until),
            Self::Seen | Self::Read | Self::Unread | Self::Archive | Self::Unarchive | Self::Unsnooze => None,
        }
    }
}

/// A mark for everything up to some number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// As [`Mark::Seen`].
    Seen,
    /// As [`Mark::Read`].
    Read,
    /// As [`Mark::Archive`].
    Archive,
}

impl Sweep {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => Mark::Seen.as_str(),
            Self::Read => Mark::Read.as_str(),
            Self::Archive => Mark::Archive.as_str(),
        }
    }
}

/// What a mark came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Entries that were not so before.
    pub changed: i64,
    /// As in [`super::InboxPage`], after it.
    pub unread: i64,
    /// As in [`super::InboxPage`], after it.
    pub unseen: i64,
}

impl Store {
    /// Marks these entries of a person, and tells their sessions. What is not in their inbox is left out.
    pub async fn mark_entries(&self, user_id: UserId, mark: Mark, names: &[PublicId]) -> Result<Marked, StoreError> {
        let (mut ids, mut keys) = (Vec::new(), Vec::new());
        for name in names {
            match name {
                PublicId::Id(id) => ids.push(id.uuid()),
                PublicId::Key(key) => keys.push(key.clone()),
            }
        }
        let until = mark.until().map(|until| until.to_string());
        let name = mark.as_str();
        Ok(sqlx::query_file_as!(Marked, "src/store/sql/mark_entries.sql", user_id.get(), name, &ids, &keys, until)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Marks whatever stands at `up_to` or below it, and tells the person's sessions. In transactions of 5,000 entries:
    /// when one of them fails, what was marked before it stays, and asking again does the rest.
    pub async fn mark_up_to(&self, user_id: UserId, sweep: Sweep, up_to: Seq) -> Result<Marked, StoreError> {
        let name = sweep.as_str();
        let mut changed = 0;
        loop {
            let marked =
                sqlx::query_file_as!(Marked, "src/store/sql/mark_up_to.sql", user_id.get(), name, up_to.0, MARK_MAX)
                    .fetch_one(&self.pool)
                    .await?;
            changed += marked.changed;
            if marked.changed < i64::from(MARK_MAX) {
                return Ok(Marked { changed, ..marked });
            }
        }
    }
}
