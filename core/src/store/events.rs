//! Reading events.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff_sqlx::Timestamp as SqlTimestamp;
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::delivery::Channel;
use crate::event::{ChannelHint, Cta, Event, Level, PublicId};
use crate::id::{EventId, UserId};

/// A row of `eventcenter.events`.
#[derive(Debug)]
pub(super) struct EventRow {
    id: Uuid,
    key: Option<String>,
    user_id: i64,
    kind: String,
    title: String,
    body: String,
    level: String,
    channels: Vec<String>,
    channel_hint: Option<String>,
    cta: Option<Json<Cta>>,
    data: Option<Json<Box<RawValue>>>,
    deliver_at: Option<SqlTimestamp>,
    expires_at: Option<SqlTimestamp>,
    collapse_key: Option<String>,
    created_at: SqlTimestamp,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        let id = EventId::from_row(row.id);
        Self {
            id,
            key: PublicId::from_row(id, row.key),
            user_id: UserId::from_row(row.user_id),
            kind: row.kind,
            title: row.title,
            body: row.body,
            level: Level::parse(&row.level).unwrap_or_default(),
            channels: row.channels.iter().filter_map(|name| Channel::parse(name)).collect(),
            channel_hint: row.channel_hint.and_then(|name| ChannelHint::parse(&name)),
            cta: row.cta.map(|cta| cta.0),
            data: row.data.map(|data| data.0),
            deliver_at: row.deliver_at.map(SqlTimestamp::to_jiff),
            expires_at: row.expires_at.map(SqlTimestamp::to_jiff),
            collapse_key: row.collapse_key,
            created_at: row.created_at.to_jiff(),
        }
    }
}

impl Store {
    /// These events; those that do not exist are left out. Boxed, because what is read is moved many times on its way.
    pub async fn load_events(&self, ids: &[EventId]) -> Result<HashMap<EventId, Box<Event>>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(HashMap::new());
        };
        let events = sqlx::query_file_as!(EventRow, "src/store/sql/load_events.sql", &ids, first, last)
            .map(|row| Box::new(Event::from(row)))
            .fetch_all(&self.pool)
            .await?;
        Ok(events.into_iter().map(|event| (event.id, event)).collect())
    }

    /// The event that is called so, by its producer or by us.
    pub async fn find_event(&self, name: &PublicId) -> Result<Option<Event>, StoreError> {
        let id = match name {
            PublicId::Id(id) => Some(*id),
            PublicId::Key(key) => sqlx::query_file_scalar!("src/store/sql/find_key.sql", key)
                .fetch_optional(&self.pool)
                .await?
                .map(EventId::from_row),
        };
        let Some(id) = id else { return Ok(None) };
        Ok(self.load_events(&[id]).await?.remove(&id).map(|event| *event))
    }

    /// A person's events, newest first: at most `limit` that are older than `before`.
    pub async fn events_of_user(
        &self,
        user_id: UserId,
        kind: Option<&str>,
        before: Option<EventId>,
        limit: i64,
    ) -> Result<Vec<Event>, StoreError> {
        let before = before.map_or(Uuid::max(), EventId::uuid);
        let ids = sqlx::query_file_scalar!("src/store/sql/events_of_user.sql", user_id.get(), kind, before, limit)
            .fetch_all(&self.pool)
            .await?;
        let ids: Vec<EventId> = ids.into_iter().map(EventId::from_row).collect();
        let mut events: Vec<Event> = self.load_events(&ids).await?.into_values().map(|event| *event).collect();
        events.sort_unstable_by_key(|event| Reverse(event.id));
        Ok(events)
    }
}
