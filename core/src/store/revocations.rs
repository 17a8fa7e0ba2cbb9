//! Tokens that no longer count, although they have not expired.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};

use super::{Store, StoreError};
use crate::id::{DeviceId, UserId};

/// A person's tokens up to a moment, which no longer count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose.
    pub user: UserId,
    /// Only for what the client calls itself; `None` for all.
    pub device: Option<DeviceId>,
    /// The second, since 1970, in which the last of them was issued.
    pub not_after: i64,
}

impl Store {
    /// Revokes what was issued to this person until `not_after`, or until now, and tells every node. Answers until when
    /// it is revoked: an earlier call may have reached further.
    pub async fn revoke_sessions(
        &self,
        user: UserId,
        device: Option<&DeviceId>,
        not_after: Option<Timestamp>,
    ) -> Result<Timestamp, StoreError> {
        let not_after = not_after.map(ToSqlx::to_sqlx);
        let revoked = sqlx::query_file_scalar!(
            "src/store/sql/revoke_sessions.sql",
            user.get(),
            device.map(DeviceId::as_str),
            not_after as _
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(revoked.to_jiff())
    }

    /// What was revoked within `window`.
    pub async fn revocations(&self, window: Duration) -> Result<Vec<Revocation>, StoreError> {
        let rows =
            sqlx::query_file!("src/store/sql/revocations.sql", window.as_secs_f64()).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| Revocation {
                user: UserId::from_row(row.user_id),
                device: DeviceId::parse(&row.device),
                not_after: row.not_after,
            })
            .collect())
    }

    /// Forgets revocations older than `age`; every token that they were about must have expired by then.
    pub async fn forget_revocations(&self, age: Duration) -> Result<(), StoreError> {
        sqlx::query_file!("src/store/sql/forget_revocations.sql", age.as_secs_f64()).execute(&self.pool).await?;
        Ok(())
    }
}
