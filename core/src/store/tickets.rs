//! Tickets: each opens one socket, once.

use std::time::Duration;

use super::{Store, StoreError};
use crate::id::UserId;

/// A ticket to be stored.
#[derive(Clone, Debug)]
pub struct NewTicket<'a> {
    /// The SHA-256 of what the client gets.
    pub hash: &'a [u8],
    /// Whom it lets in.
    pub user_id: UserId,
    /// When the token that it stands for was issued, in seconds since 1970, as far as that is known.
    pub token_issued_at: Option<i64>,
    /// When that token ends, in seconds since 1970.
    pub token_ends_at: i64,
    /// How long the ticket works.
    pub life: Duration,
}

/// What a ticket stood for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// Whom it lets in.
    pub user_id: UserId,
    /// As in [`NewTicket::token_issued_at`].
    pub token_issued_at: Option<i64>,
    /// As in [`NewTicket::token_ends_at`].
    pub token_ends_at: i64,
}

impl Store {
    /// Stores a ticket, unless the person has `max` that still work; whether it did.
    pub async fn insert_ticket(&self, ticket: &NewTicket<'_>, max: i64) -> Result<bool, StoreError> {
        let NewTicket { hash, user_id, token_issued_at, token_ends_at, life } = ticket;
        let done = sqlx::query_file!(
            "src/store/sql/insert_ticket.sql",
            hash,
            user_id.get(),
            *token_issued_at,
            token_ends_at,
            life.as_secs_f64(),
            max,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Redeems a ticket, for ever. `None` for one that is not known, or no longer works.
    pub async fn take_ticket(&self, hash: &[u8]) -> Result<Option<Redeemed>, StoreError> {
        let row = sqlx::query_file!("src/store/sql/take_ticket.sql", hash).fetch_optional(&self.pool).await?;
        Ok(row.filter(|row| row.is_fresh).map(|row| Redeemed {
            user_id: UserId::from_row(row.user_id),
            token_issued_at: row.token_issued_at,
            token_ends_at: row.token_ends_at,
        }))
    }

    /// Forgets tickets that nobody redeemed in time.
    pub async fn forget_tickets(&self) -> Result<(), StoreError> {
        sqlx::query_file!("src/store/sql/forget_tickets.sql").execute(&self.pool).await?;
        Ok(())
    }
}
