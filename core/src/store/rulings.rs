//! Whether a claimed delivery may be sent now, and putting off what may not.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use super::events::uuids;
use super::{Store, StoreError};
use crate::delivery::{Channel, Ruling, Skip};
use crate::id::{EventId, LeaseId, UserId};

impl Store {
    /// What is to be said of some of these deliveries; whatever has no entry may be sent. `users` are their people, in
    /// the same order.
    pub(super) async fn rulings(
        &self,
        channel: Channel,
        ids: &[EventId],
        users: &[UserId],
    ) -> Result<HashMap<EventId, Ruling>, StoreError> {
        let ids = uuids(ids);
        let users: Vec<i64> = users.iter().map(|user| user.get()).collect();
        let rows = sqlx::query_file!("src/store/sql/rulings.sql", channel.as_str(), &ids, &users)
            .fetch_all(&self.pool)
            .await?;
        let ruling = |reason: Option<&str>, held_until: Option<SqlTimestamp>| match reason {
            Some("canceled") => Some(Ruling::Cancel),
            Some(reason) => Skip::parse(reason).map(Ruling::Skip),
            None => held_until.map(|until| Ruling::Hold(until.to_jiff())),
        };
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((EventId::from_row(row.event_id), ruling(row.reason.as_deref(), row.held_until)?)))
            .collect())
    }

    /// Gives back deliveries that were claimed and not started: the try does not count.
    pub async fn release(&self, lease: LeaseId, worker: &str, ids: &[EventId]) -> Result<i64, StoreError> {
        self.give_back(lease, worker, ids.iter().map(|id| (id.uuid(), None)).unzip()).await
    }

    /// The same, each not to be tried before its moment.
    pub async fn hold(&self, lease: LeaseId, worker: &str, held: &[(EventId, Timestamp)]) -> Result<i64, StoreError> {
        self.give_back(lease, worker, held.iter().map(|(id, until)| (id.uuid(), Some(until.to_sqlx()))).unzip()).await
    }

    async fn give_back(
        &self,
        lease: LeaseId,
        worker: &str,
        (ids, until): (Vec<Uuid>, Vec<Option<SqlTimestamp>>),
    ) -> Result<i64, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/release.sql", lease.get(), worker, &ids, &until as _)
            .fetch_one(&self.pool)
            .await?)
    }
}
