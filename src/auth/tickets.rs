//! Tickets: what a browser may put into a socket's URL, since it works once and for half a minute.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use eventcenter_core::metrics::TICKETS;
use eventcenter_core::store::{NewTicket, Store, StoreError};
use metrics::counter;

use super::Grant;
use super::service_keys::{hash, random};

/// How long a ticket works.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Tickets of one person that work at the same time. A further one is refused with 429.
const TICKETS_MAX: i64 = 20;
/// What every ticket begins with, so that secret scanners know it.
const PREFIX: &str = "ect_";
/// Characters of a ticket; anything longer or shorter is none.
const LEN: usize = PREFIX.len() + 43;

/// A ticket as the client gets it: `ect_` and base64url of 32 random bytes. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// The person has as many as one may have.
    #[error("20 tickets wait to be used")]
    TooMany,
    /// The database is away, or said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secret can be made.
    #[error("the system has no randomness to give")]
    Randomness(#[from] Unspecified),
}

impl Ticket {
    /// Makes one that stands for a token.
    pub async fn issue(store: &Store, grant: Grant) -> Result<Self, TicketError> {
        let ticket = Self(format!("{PREFIX}{}", random()?));
        let Grant { user_id, issued_at, ends_at } = grant;
        let new = NewTicket {
            hash: &hash(&ticket.0),
            user_id,
            token_issued_at: issued_at,
            token_ends_at: ends_at,
            life: TICKET_LIFE,
        };
        let is_stored = store.insert_ticket(&new, TICKETS_MAX).await?;
        counter!(TICKETS, "result" => if is_stored { "issued" } else { "denied" }).increment(1);
        if is_stored { Ok(ticket) } else { Err(TicketError::TooMany) }
    }

    /// Redeems what a client calls a ticket: the token that it stood for, as of when it was issued. `None` for one that
    /// never was one, was used, or is too old.
    pub async fn redeem(store: &Store, text: &str) -> Result<Option<Grant>, StoreError> {
        let is_ticket = text.len() == LEN && text.starts_with(PREFIX);
        let redeemed = if is_ticket { store.take_ticket(&hash(text)).await? } else { None };
        counter!(TICKETS, "result" => if redeemed.is_some() { "redeemed" } else { "refused" }).increment(1);
        Ok(redeemed.map(|ticket| Grant {
            user_id: ticket.user_id,
            issued_at: ticket.token_issued_at,
            ends_at: ticket.token_ends_at,
        }))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}
