//! Tickets: what a browser may put into a socket's URL, since it works once and for half a minute.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use eventcenter_core::metrics::TICKETS;
use eventcenter_core::store::{NewTicket, Store, StoreError};
use metrics::counter;

use super::service_keys::{hash, random};
use super::{Grant, Tokens};

/// How long a ticket works.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Tickets of one person that work at the same time. A further one is refused with 429.
const TICKETS_MAX: i64 = 20;
/// What every ticket begins with, so that secret scanners know it.
const PREFIX: &str = "ect_";
/// Characters of its random part.
const RANDOM_LEN: usize = 43;
/// Bytes of the tag at its end. Anybody can make tickets up, and the database has better things to do than to look for
/// those that bear no tag of ours.
const TAG_BYTES: usize = 9;
/// What the key of the tag is for.
const PURPOSE: &str = "eventcenter ticket v1";

/// A ticket as the client gets it: `ect_`, base64url of 32 random bytes, and a tag. Only its hash is stored.
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
    pub async fn issue(store: &Store, tokens: &Tokens, grant: Grant) -> Result<Self, TicketError> {
        let secret = format!("{PREFIX}{}", random()?);
        let ticket = Self(format!("{secret}{}", tag(tokens, &secret)));
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
    pub async fn redeem(store: &Store, tokens: &Tokens, text: &str) -> Result<Option<Grant>, StoreError> {
        let redeemed = if is_ours(tokens, text) { store.take_ticket(&hash(text)).await? } else { None };
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

fn tag(tokens: &Tokens, secret: &str) -> String {
    let tag = hmac::sign(&tokens.derive_key(PURPOSE), secret.as_bytes());
    tag.as_ref().first_chunk::<TAG_BYTES>().map(|tag| BASE64_URL_SAFE_NO_PAD.encode(tag)).unwrap_or_default()
}

/// Whether we made it, whoever has used it since.
fn is_ours(tokens: &Tokens, text: &str) -> bool {
    text.split_at_checked(PREFIX.len() + RANDOM_LEN).is_some_and(|(secret, given)| {
        secret.starts_with(PREFIX) && verify_slices_are_equal(tag(tokens, secret).as_bytes(), given.as_bytes()).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_database_is_asked_for_tickets_of_our_own_alone() {
        // Nothing listens on the discard port.
        let store = Store::connect("postgres://nobody@127.0.0.1:9/none", 1).unwrap();
        let tokens = Tokens::hs256([7; 32]);
        let secret = format!("{PREFIX}{}", random().unwrap());
        let ours = format!("{secret}{}", tag(&tokens, &secret));
        let others = format!("{secret}{}", tag(&Tokens::hs256([8; 32]), &secret));

        for forged in [&others, &secret, "", PREFIX, &format!("{ours}x"), &ours[1..], &"ж".repeat(40)] {
            assert!(matches!(Ticket::redeem(&store, &tokens, forged).await, Ok(None)), "{forged}");
        }
        assert!(Ticket::redeem(&store, &tokens, &ours).await.is_err());
    }
}
