//! Reading events.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff_sqlx::Timestamp as SqlTimestamp;
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::delivery::Channel;
use crate::event::{ChannelHint, Cta, Event, Level, PlannedEvent, PublicId};
use crate::id::{EventId, UserId};

/// What an event says, from any row that has its columns.
macro_rules! event {
    ($row:ident) => {{
        let id = EventId::from_row($row.id);
        Event {
            id,
            key: PublicId::from_row(id, $row.key),
            user_id: UserId::from_row($row.user_id),
            kind: $row.kind,
            title: $row.title,
            body: $row.body,
            level: Level::parse(&$row.level).unwrap_or_default(),
            cta: $row.cta.map(|cta| cta.0),
            data: $row.data.map(|data| data.0),
            deliver_at: $row.deliver_at.map(SqlTimestamp::to_jiff),
            expires_at: $row.expires_at.map(SqlTimestamp::to_jiff),
            collapse_key: $row.collapse_key,
            created_at: $row.created_at.to_jiff(),
        }
    }};
}

impl Store {
    /// These events; those that do not exist are left out. Boxed, because what is read is moved many times on its way.
    pub(super) async fn planned_events(
        &self,
        ids: &[EventId],
    ) -> Result<HashMap<EventId, Box<PlannedEvent>>, StoreError> {
        let ids = uuids(ids);
        let Some((first, last)) = bounds(&ids) else { return Ok(HashMap::new()) };
        let events = sqlx::query_file!("src/store/sql/planned_events.sql", &ids, first, last)
            .map(|row| {
                Box::new(PlannedEvent {
                    channels: row.channels.iter().filter_map(|name| Channel::parse(name)).collect(),
                    channel_hint: row.channel_hint.and_then(|name| ChannelHint::parse(&name)),
                    event: event!(row),
                })
            })
            .fetch_all(&self.pool)
            .await?;
        Ok(events.into_iter().map(|planned| (planned.event.id, planned)).collect())
    }

    /// What the events of a claimed batch say; those that do not exist are left out.
    pub(super) async fn claimed_events(&self, ids: &[EventId]) -> Result<HashMap<EventId, Box<Event>>, StoreError> {
        let uuids = uuids(ids);
        let Some((first, last)) = bounds(&uuids) else { return Ok(HashMap::new()) };
        let near = sqlx::query_file!("src/store/sql/claimed_events.sql", &uuids, first, last)
            .map(|row| Box::new(event!(row)))
            .fetch_all(&self.pool)
            .await?;
        let mut events: HashMap<EventId, Box<Event>> = near.into_iter().map(|event| (event.id, event)).collect();
        // Among many others, each is looked up.
        if events.len() < ids.len() {
            let apart: Vec<EventId> = ids.iter().filter(|id| !events.contains_key(id)).copied().collect();
            let apart = self.planned_events(&apart).await?.into_iter();
            events.extend(apart.map(|(id, planned)| (id, Box::new(planned.event))));
        }
        Ok(events)
    }

    /// The event that is called so, by its producer or by us.
    pub async fn find_event(&self, name: &PublicId) -> Result<Option<PlannedEvent>, StoreError> {
        let id = match name {
            PublicId::Id(id) => Some(*id),
            PublicId::Key(key) => sqlx::query_file_scalar!("src/store/sql/find_key.sql", key)
                .fetch_optional(&self.pool)
                .await?
                .map(EventId::from_row),
        };
        let Some(id) = id else { return Ok(None) };
        Ok(self.planned_events(&[id]).await?.remove(&id).map(|planned| *planned))
    }

    /// A person's events, newest first: at most `limit` that are older than `before`.
    pub async fn events_of_user(
        &self,
        user_id: UserId,
        kind: Option<&str>,
        before: Option<EventId>,
        limit: i64,
    ) -> Result<Vec<PlannedEvent>, StoreError> {
        let before = before.map_or(Uuid::max(), EventId::uuid);
        let ids = sqlx::query_file_scalar!("src/store/sql/events_of_user.sql", user_id.get(), kind, before, limit)
            .fetch_all(&self.pool)
            .await?;
        let ids: Vec<EventId> = ids.into_iter().map(EventId::from_row).collect();
        let mut events: Vec<PlannedEvent> =
            self.planned_events(&ids).await?.into_values().map(|planned| *planned).collect();
        events.sort_unstable_by_key(|planned| Reverse(planned.event.id));
        Ok(events)
    }
}

pub(super) fn uuids(ids: &[EventId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

/// The least and the greatest, or `None` of none.
pub(super) fn bounds(ids: &[Uuid]) -> Option<(&Uuid, &Uuid)> {
    Some((ids.iter().min()?, ids.iter().max()?))
}
