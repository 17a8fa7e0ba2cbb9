//! Who may open a socket, and what those who may not are told: RFC 9457 problems, before the upgrade.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use eventcenter_core::id::UserId;
use serde_json::json;

use super::registry::Full;
use crate::auth::{CookieRules, TokenError, Tokens, user_token};

/// The subprotocol: what the frames mean.
pub(super) const PROTOCOL: &str = "eventcenter.v1.json";
/// Browsers cannot set headers on a socket, so they may offer their token as a subprotocol. Never chosen, so it is
/// never sent back.
const BEARER: &str = "ec.bearer.";
/// Seconds after which a client should try a full node again.
const LATER_S: u64 = 5;

/// Why a socket is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request's token does not do.
    Token(TokenError),
    /// Subprotocols are offered, and ours is not among them.
    Subprotocol,
    /// A query parameter that is no `after`.
    Query,
    /// Not a WebSocket handshake.
    NoUpgrade,
    /// No place.
    Full(Full),
    /// The process stops.
    Stopping,
}

/// The subprotocols that a client offers.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    /// What to choose; `None` when the client offers nothing.
    pub(super) protocol: Option<HeaderValue>,
    token: Option<&'a str>,
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

    /// The person for whom the request speaks: by its subprotocol, its Authorization header, or its cookie.
    pub(super) fn user(&self, headers: &HeaderMap, tokens: &Tokens, cookie: &CookieRules) -> Result<UserId, Refusal> {
        let token = self.token.map_or_else(|| user_token(headers, cookie), Ok).map_err(Refusal::Token)?;
        tokens.verify(token).map_err(Refusal::Token)
    }
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::Token(TokenError::ForeignOrigin) => StatusCode::FORBIDDEN,
            Self::Token(TokenError::Missing | TokenError::Expired | TokenError::Invalid) => StatusCode::UNAUTHORIZED,
            Self::Subprotocol | Self::Query => StatusCode::BAD_REQUEST,
            Self::NoUpgrade => StatusCode::UPGRADE_REQUIRED,
            Self::Full(Full::User) => StatusCode::TOO_MANY_REQUESTS,
            Self::Full(Full::Node) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Token(TokenError::Missing) => "token_missing",
            Self::Token(TokenError::Expired) => "token_expired",
            Self::Token(TokenError::Invalid) => "token_invalid",
            Self::Token(TokenError::ForeignOrigin) => "origin_not_allowed",
            Self::Subprotocol => "unknown_subprotocol",
            Self::Query => "invalid_query",
            Self::NoUpgrade => "upgrade_required",
            Self::Full(Full::User) => "too_many_sessions",
            Self::Full(Full::Node) => "node_full",
            Self::Stopping => "node_stopping",
        }
    }

    fn detail(self) -> String {
        match self {
            Self::Token(error) => format!("{error}; or the subprotocol {BEARER}TOKEN beside {PROTOCOL}"),
            Self::Subprotocol => format!("offer {PROTOCOL}, or no subprotocol at all"),
            Self::Query => "after must be a whole number from 0 to 2^63-1; there are no other parameters".to_owned(),
            Self::NoUpgrade => "this is a WebSocket: ask with HTTP/1.1, Upgrade: websocket, version 13".to_owned(),
            Self::Full(Full::User) => "this person has too many open sessions: close one".to_owned(),
            Self::Full(Full::Node) => "this node has no place for another session: try again".to_owned(),
            Self::Stopping => "this node is stopping: try again".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": self.code(),
            "detail": self.detail(),
        });
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response();
        match self {
            Self::Full(_) | Self::Stopping => {
                response.headers_mut().insert(RETRY_AFTER, LATER_S.into());
            }
            Self::NoUpgrade => {
                response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            }
            Self::Token(_) | Self::Subprotocol | Self::Query => {}
        }
        response
    }
}

#[cfg(test)]
mod tests;
