//! Who may open a socket, and what those who may not are told, before the upgrade.

use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::{HeaderMap, HeaderValue};

use super::end::End;
use super::node::Node;
use super::registry::Full;
use crate::auth::{Grant, Ticket, TokenError, bearer, user_token};
use crate::problem::{Code, Problem};

/// The subprotocol: what the frames mean.
pub(super) const PROTOCOL: &str = "eventcenter.v1.json";
/// Browsers cannot set headers on a socket, so they may offer their token as a subprotocol. Never chosen, so it is
/// never sent back.
const BEARER: &str = "ec.bearer.";

/// Why a socket is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request's token does not do.
    Token(TokenError),
    /// Its ticket was used, or is too old, or none of ours.
    Ticket,
    /// Subprotocols are offered, and ours is not among them.
    Subprotocol,
    /// A query parameter that is no `after`.
    Query,
    /// Not a WebSocket handshake.
    NoUpgrade,
    /// No place.
    Full(Full),
}

impl Refusal {
    /// The label of `eventcenter_ws_refused_total`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Token(
                TokenError::Missing
                | TokenError::Expired
                | TokenError::Invalid
                | TokenError::TooLong
                | TokenError::Revoked,
            ) => "token",
            Self::Token(TokenError::Unchecked) => "unchecked",
            Self::Ticket => "ticket",
            Self::Token(TokenError::ForeignOrigin) => "origin",
            Self::Subprotocol | Self::Query | Self::NoUpgrade => "request",
            Self::Full(Full::User) => "user",
            Self::Full(Full::Node) => "node",
            Self::Full(Full::Stopping) => "stopping",
        }
    }

    /// Whether a client that speaks our protocol is let in to be told so: a browser shows its page nothing of a refused
    /// handshake. A foreign page is told nothing.
    pub(super) const fn is_told_inside(self) -> bool {
        match self {
            Self::Token(TokenError::ForeignOrigin | TokenError::Unchecked)
            | Self::Subprotocol
            | Self::Query
            | Self::NoUpgrade
            | Self::Full(_) => false,
            Self::Ticket | Self::Token(_) => true,
        }
    }

    /// The close code by which it is told.
    pub(super) const fn end(self) -> End {
        if matches!(self, Self::Token(TokenError::Revoked)) { End::Revoked } else { End::Unauthorized }
    }
}

/// The subprotocols that a client offers.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    /// What to choose; `None` when the client offers nothing.
    pub(super) protocol: Option<HeaderValue>,
    /// The token among what is offered.
    pub(super) token: Option<&'a str>,
}

/// What a request brings to be let in by, in the order in which it counts.
pub(super) struct Credentials<'a> {
    /// The token of a subprotocol.
    pub(super) offered: Option<&'a str>,
    /// The ticket of the URL. It counts after the Authorization header and before the cookie.
    pub(super) ticket: Option<&'a str>,
    /// The header and the cookie.
    pub(super) headers: &'a HeaderMap,
}

impl<'a> Offer<'a> {
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
        let lines: Vec<&str> =
            lines.map(HeaderValue::to_str).collect::<Result<_, _>>().or(Err(Refusal::Subprotocol))?;
        let offered: Vec<&str> = lines.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
        if !offered.is_empty() && !offered.contains(&PROTOCOL) {
            return Err(Refusal::Subprotocol);
        }
        let protocol = (!offered.is_empty()).then_some(HeaderValue::from_static(PROTOCOL));
        Ok(Self { protocol, token: offered.iter().find_map(|one| one.strip_prefix(BEARER)) })
    }
}

impl Credentials<'_> {
    /// For whom the request speaks, and until when.
    pub(super) async fn grant(&self, node: &Node) -> Result<Grant, Refusal> {
        let Self { offered, ticket, headers } = self;
        let token = match (offered.or_else(|| bearer(headers)), ticket) {
            (Some(token), _) => token,
            (None, Some(ticket)) => return redeem(node, ticket).await,
            (None, None) => user_token(headers, node.cookie()).map_err(Refusal::Token)?,
        };
        node.tokens().grant(token).map_err(Refusal::Token)
    }
}

async fn redeem(node: &Node, ticket: &str) -> Result<Grant, Refusal> {
    match Ticket::redeem(node.store(), ticket).await {
        Ok(Some(grant)) => node.tokens().check(grant, None).map_err(Refusal::Token),
        Ok(None) => Err(Refusal::Ticket),
        Err(error) => {
            tracing::warn!(%error, "a ticket cannot be redeemed");
            Err(Refusal::Token(TokenError::Unchecked))
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Token(error) => {
                let problem = Self::from(error);
                let detail = format!("{}; or the subprotocol {BEARER}TOKEN beside {PROTOCOL}", problem.detail);
                Self { detail: detail.into(), ..problem }
            }
            Refusal::Ticket => Self::new(Code::Unauthorized, "the ticket was used or is too old: POST /api/ws-ticket"),
            Refusal::Subprotocol => {
                Self::field("Sec-WebSocket-Protocol", format!("must offer {PROTOCOL}, or be left out"))
            }
            Refusal::Query => {
                Self::field("after", "must be a whole number from 0 to 2^63-1, and the only parameter but ticket")
            }
            Refusal::NoUpgrade => Self::new(Code::UpgradeRequired, "ask with HTTP/1.1, Upgrade: websocket, version 13"),
            Refusal::Full(Full::User) => Self::new(Code::TooManySessions, "let those begin first that are open"),
            Refusal::Full(Full::Node) => Self::new(Code::NodeUnavailable, "it has no place left: try again"),
            Refusal::Full(Full::Stopping) => Self::new(Code::NodeUnavailable, "it is stopping: try again"),
        }
    }
}

#[cfg(test)]
mod tests;
