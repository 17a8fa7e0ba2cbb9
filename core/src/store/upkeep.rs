//! What keeps the database in shape, and what tells whether it is.

use std::time::Duration;

use super::deliveries::seconds;
use super::{Store, StoreError};
use crate::delivery::Channel;

/// What readiness and the doctor look at.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// Days after today for which partitions exist; negative when today has none.
    pub days_ahead: i32,
    /// Events that fell into the default partition: 0, unless the keeper slept for a week. Counts to 1,000.
    pub in_default: i64,
    /// How long the oldest transaction has been open: it holds back vacuum.
    pub oldest_transaction: Duration,
    /// The database's clock, since 1970.
    pub clock: Duration,
    /// As in 150018.
    pub server_version: i32,
}

/// How far behind a channel is.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Which.
    pub channel: Channel,
    /// How long its oldest due delivery has waited.
    pub lag: Duration,
    /// Its dead letters that nobody has redriven.
    pub dead_letters: i64,
}

impl Store {
    /// Makes the partitions of the next `days`; answers how many were missing.
    pub async fn create_partitions(&self, days: i32) -> Result<i32, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/create_partitions.sql", days).fetch_one(&self.pool).await?)
    }

    /// Drops the oldest day that is past `keep_days` and answers it. Refused while something of it is outstanding;
    /// [`StoreError::Locked`] when it would have to wait.
    pub async fn drop_partition(&self, keep_days: i32) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/drop_partition.sql", keep_days).fetch_one(&self.pool).await?)
    }

    /// Forgets up to `limit` keys of events whose day was dropped.
    pub async fn forget_keys(&self, limit: i32) -> Result<i64, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/forget_keys.sql", limit).fetch_one(&self.pool).await?)
    }

    /// Forgets about `limit` inbox entries past `keep_days`, from the beginnings of streams.
    pub async fn trim_inbox(&self, keep_days: i32, limit: i32) -> Result<i64, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/trim_inbox.sql", keep_days, limit).fetch_one(&self.pool).await?)
    }

    /// Looks at the database's shape.
    pub async fn health(&self) -> Result<Health, StoreError> {
        let row = sqlx::query_file!("src/store/sql/health.sql").fetch_one(&self.pool).await?;
        Ok(Health {
            days_ahead: row.days_ahead,
            in_default: row.in_default,
            oldest_transaction: seconds(row.oldest_transaction_s),
            clock: seconds(row.clock_s),
            server_version: row.server_version,
        })
    }

    /// How far behind each channel is.
    pub async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let names = Channel::ALL.map(Channel::as_str);
        let rows = sqlx::query_file!("src/store/sql/backlog.sql", &names as _).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let channel = Channel::parse(&row.channel)?;
                Some(Backlog { channel, lag: seconds(row.lag_s), dead_letters: row.dead_letters })
            })
            .collect())
    }
}
