//! People's inboxes: listing them, and what people do with their entries.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::bounds;
use super::{Store, StoreError};
use crate::event::PlannedEvent;
use crate::id::{EventId, Seq, UserId};

mod mark;

pub use mark::{Mark, Marked, Sweep};

/// Entries that a page looks at for those of one type or service. A page of fewer than it may have then says where the
/// next one goes on.
const SCAN_MAX: usize = 2000;

/// Which entries of an inbox are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InboxFilter {
    /// What is neither archived nor asleep.
    #[default]
    All,
    /// Of those, what is not read: what `unread` counts.
    Unread,
    /// What is archived.
    Archived,
    /// What sleeps.
    Snoozed,
}

impl InboxFilter {
    const ALL: [Self; 4] = [Self::All, Self::Unread, Self::Archived, Self::Snoozed];

    /// The name in SQL and in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Unread => "unread",
            Self::Archived => "archived",
            Self::Snoozed => "snoozed",
        }
    }

    /// The filter of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.as_str() == name)
    }
}

/// A place between two entries of a list, as a client hands it back: `PLACE.SEQ` of the entry above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    place: i64,
    seq: i64,
}

impl InboxCursor {
    /// Above every entry.
    const TOP: Self = Self { place: i64::MAX, seq: 0 };
}

impl fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.seq)
    }
}

impl FromStr for InboxCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('.').and_then(|(place, seq)| Some((place.parse().ok()?, seq.parse().ok()?)));
        let (place, seq) = numbers.ok_or("a cursor is two numbers with a dot between them")?;
        Ok(Self { place, seq })
    }
}

/// What of an inbox to list.
#[derive(Clone, Debug)]
pub struct InboxQuery {
    /// Which entries.
    pub filter: InboxFilter,
    /// Of events of this type alone.
    pub kind: Option<String>,
    /// Of events of this service alone, as their `data.service` (or an alert's `data.source_service`) names it.
    pub service: Option<String>,
    /// What follows this place; `None` for the top.
    pub before: Option<InboxCursor>,
    /// At most so many entries.
    pub limit: usize,
}

/// An event in a person's inbox, and what they did with it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InboxEntry {
    /// Its number in the person's stream.
    #[schema(value_type = i64)]
    pub seq: Seq,
    /// When it was first shown.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
    /// When it was read.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    /// When it was put away.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
    /// When it comes back, unread and above everything that came meanwhile.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub snoozed_until: Option<Timestamp>,
    /// What it says.
    #[serde(rename = "event")]
    pub planned: PlannedEvent,
}

/// A part of an inbox, and its counts in the same snapshot.
#[derive(Clone, Debug, Default)]
pub struct InboxPage {
    /// Newest first; what came back from a snooze stands where it came back.
    pub entries: Vec<InboxEntry>,
    /// Where the next part begins. A part may be short, or empty, although there is more.
    pub next: Option<InboxCursor>,
    /// The last number given.
    pub last_seq: Seq,
    /// Entries that are neither read, nor archived, nor asleep.
    pub unread: i64,
    /// Of those, the ones that were never shown.
    pub unseen: i64,
}

/// A row of a page; without a place when the page is empty.
#[derive(Debug)]
struct PageRow {
    last_seq: i64,
    unread: i64,
    unseen: i64,
    place: Option<i64>,
    seq: Option<i64>,
    event_id: Option<Uuid>,
    seen_at: Option<SqlTimestamp>,
    read_at: Option<SqlTimestamp>,
    archived_at: Option<SqlTimestamp>,
    snoozed_until: Option<SqlTimestamp>,
}

impl PageRow {
    fn cursor(&self) -> Option<InboxCursor> {
        Some(InboxCursor { place: self.place?, seq: self.seq? })
    }

    /// `events` gives up the entry's event.
    fn entry(self, events: &mut HashMap<EventId, Box<PlannedEvent>>) -> Option<InboxEntry> {
        Some(InboxEntry {
            seq: Seq(self.seq?),
            seen_at: self.seen_at.map(SqlTimestamp::to_jiff),
            read_at: self.read_at.map(SqlTimestamp::to_jiff),
            archived_at: self.archived_at.map(SqlTimestamp::to_jiff),
            snoozed_until: self.snoozed_until.map(SqlTimestamp::to_jiff),
            planned: *events.remove(&EventId::from_row(self.event_id?))?,
        })
    }
}

impl Store {
    /// A part of a person's inbox.
    pub async fn inbox(&self, user_id: UserId, query: &InboxQuery) -> Result<InboxPage, StoreError> {
        let is_narrowed = query.kind.is_some() || query.service.is_some();
        let scanned = if is_narrowed { SCAN_MAX } else { query.limit };
        let InboxCursor { place, seq } = query.before.unwrap_or(InboxCursor::TOP);
        let mut rows = sqlx::query_file_as!(
            PageRow,
            "src/store/sql/inbox_page.sql",
            user_id.get(),
            query.filter.as_str(),
            place,
            seq,
            // One more than fits tells whether there is a next page.
            i32::try_from(scanned).unwrap_or(i32::MAX).saturating_add(1),
        )
        .fetch_all(&self.pool)
        .await?;
        let Some(head) = rows.first() else { return Ok(InboxPage::default()) };
        let (last_seq, unread, unseen) = (Seq(head.last_seq), head.unread, head.unseen);

        let mut has_more = rows.len() > scanned;
        rows.truncate(scanned);
        let mut next = rows.last().and_then(PageRow::cursor);
        if is_narrowed {
            self.keep_matching(&mut rows, query).await?;
            if rows.len() > query.limit {
                has_more = true;
                rows.truncate(query.limit);
                next = rows.last().and_then(PageRow::cursor);
            }
        }

        let ids: Vec<EventId> = rows.iter().filter_map(|row| row.event_id.map(EventId::from_row)).collect();
        let mut events = self.planned_events(&ids).await?;
        let entries = rows.into_iter().filter_map(|row| row.entry(&mut events)).collect();
        Ok(InboxPage { entries, next: next.filter(|_| has_more), last_seq, unread, unseen })
    }

    async fn keep_matching(&self, rows: &mut Vec<PageRow>, query: &InboxQuery) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.event_id).collect();
        let Some((first, last)) = bounds(&ids) else { return Ok(()) };
        let (kind, service) = (query.kind.as_deref(), query.service.as_deref());
        let matching: HashSet<Uuid> =
            sqlx::query_file_scalar!("src/store/sql/events_that_match.sql", &ids, first, last, kind, service)
                .fetch_all(&self.pool)
                .await?
                .into_iter()
                .collect();
        rows.retain(|row| row.event_id.is_some_and(|id| matching.contains(&id)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = InboxCursor { place: 12, seq: 7 };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "12", "12.", ".7", "12.7.1", "twelve.7", "9223372036854775808.1"] {
            assert!(wrong.parse::<InboxCursor>().is_err(), "{wrong}");
        }
    }
}
