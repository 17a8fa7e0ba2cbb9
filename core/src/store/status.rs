//! Where deliveries stand, what was tried, and whether the books balance.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::event::PublicId;
use crate::id::{EventId, UserId};

/// Where one delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryState {
    /// On which channel.
    pub channel: String,
    /// `scheduled`, `queued`, `sending`, `retrying`, `sent`, `delivered`, `digested`, `skipped`, `failed`, `dead` or
    /// `canceled`.
    pub state: String,
    /// Why it was not sent, or what went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is due next, while it is outstanding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Its number in the person's stream (ws).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// When something last happened to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<Timestamp>,
    /// What was tried, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One try at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attempt {
    /// Its number, from 1; 0 for what was settled when it was planned, or held before it was tried.
    pub attempt: i32,
    /// A subscription's id or a shortened address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// `sent`, `retry`, `failed`, `dead`, `skipped`, `canceled`, `lost`, `redriven` or `held`.
    pub outcome: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the provider answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// How long the provider took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i32>,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What became of one channel of a canceled event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Canceled {
    /// Which.
    pub channel: String,
    /// `canceled`: will not be sent. `in_flight`: a worker has it; it may still be sent, and will not be retried.
    /// `settled`: it was already sent, skipped or given up.
    pub result: String,
}

/// Which deliveries that ended badly are meant; `None` leaves a filter out.
#[derive(Clone, Debug, Default)]
pub struct EndedFilter<'a> {
    /// `dead` or `failed`.
    pub state: &'a str,
    /// On this channel.
    pub channel: Option<&'a str>,
    /// Of events of this type.
    pub kind: Option<&'a str>,
    /// For this person.
    pub user_id: Option<UserId>,
    /// Of this event.
    pub event_id: Option<EventId>,
}

/// A delivery that ended badly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndedDelivery {
    /// Of which event: the cursor of a listing.
    #[serde(skip)]
    #[schema(ignore)]
    pub cursor: EventId,
    /// The event's public id.
    pub event_id: String,
    /// For whom.
    #[schema(value_type = i64)]
    pub user_id: UserId,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// On which channel.
    pub channel: String,
    /// `dead` or `failed`.
    pub state: String,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the provider answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// How many tries were made.
    pub attempts: i32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// One channel's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Which channel.
    pub channel: String,
    /// Deliveries that events say were planned.
    pub planned: i64,
    /// Of those, waiting.
    pub waiting: i64,
    /// Held by a lease.
    pub leased: i64,
    /// Settled.
    pub settled: i64,
    /// In no place, or in more than one: 0 as long as every promise is kept.
    pub astray: i64,
}

impl Store {
    /// Where each delivery of an event stands, and what was tried.
    pub async fn deliveries_of(&self, id: EventId) -> Result<Vec<DeliveryState>, StoreError> {
        let states = sqlx::query_file!("src/store/sql/delivery_status.sql", id.uuid()).fetch_all(&self.pool).await?;
        let tries = sqlx::query_file!("src/store/sql/attempts_of_event.sql", id.uuid()).fetch_all(&self.pool).await?;
        let attempts_of = |channel: &str| {
            let mine = tries.iter().filter(|row| row.channel == channel);
            mine.map(|row| Attempt {
                attempt: row.attempt,
                target: row.target.clone(),
                outcome: row.outcome.clone(),
                reason: row.reason.clone(),
                provider_code: row.provider_code.clone(),
                duration_ms: row.duration_ms,
                at: row.at.to_jiff(),
            })
            .collect()
        };
        Ok(states
            .into_iter()
            .map(|row| DeliveryState {
                attempts: attempts_of(&row.channel),
                channel: row.channel,
                state: row.state,
                reason: row.reason,
                due_at: row.due_at.map(SqlTimestamp::to_jiff),
                seq: row.seq,
                changed_at: row.changed_at.map(SqlTimestamp::to_jiff),
            })
            .collect())
    }

    /// Takes back what still waits, and says what does not.
    pub async fn cancel(&self, id: EventId) -> Result<Vec<Canceled>, StoreError> {
        Ok(sqlx::query_file_as!(Canceled, "src/store/sql/cancel.sql", id.uuid()).fetch_all(&self.pool).await?)
    }

    /// Deliveries that ended badly, oldest first: at most `limit` of events after the cursor.
    pub async fn ended_deliveries(
        &self,
        filter: &EndedFilter<'_>,
        after: Option<EventId>,
        limit: i64,
    ) -> Result<Vec<EndedDelivery>, StoreError> {
        let rows = sqlx::query_file!(
            "src/store/sql/ended_deliveries.sql",
            filter.state,
            filter.channel,
            filter.kind,
            filter.user_id.map(UserId::get),
            after.map_or(Uuid::nil(), EventId::uuid),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let cursor = EventId::from_row(row.event_id);
                EndedDelivery {
                    cursor,
                    event_id: PublicId::from_row(cursor, row.key).to_string(),
                    user_id: UserId::from_row(row.user_id),
                    kind: row.kind,
                    channel: row.channel,
                    state: row.outcome,
                    reason: row.reason,
                    provider_code: row.provider_code,
                    attempts: row.attempt,
                    at: row.at.to_jiff(),
                }
            })
            .collect())
    }

    /// Puts ended deliveries back to work, oldest first, at most `limit`; answers how many.
    pub async fn redrive(&self, filter: &EndedFilter<'_>, limit: i32) -> Result<usize, StoreError> {
        let rows = sqlx::query_file!(
            "src/store/sql/redrive.sql",
            filter.state,
            filter.channel,
            filter.kind,
            filter.user_id.map(UserId::get),
            filter.event_id.map(EventId::uuid),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.len())
    }

    /// The books of the last `window`, or of all time. Reads everything in it: meant for tests and operators.
    pub async fn audit(&self, window: Option<Duration>) -> Result<Vec<AuditRow>, StoreError> {
        let window = window.map(|window| window.as_secs_f64());
        Ok(sqlx::query_file_as!(AuditRow, "src/store/sql/audit.sql", window).fetch_all(&self.pool).await?)
    }
}
