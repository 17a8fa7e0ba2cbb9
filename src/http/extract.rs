//! What handlers ask of a request. Each answers a [`Problem`] when the request does not have it.

use std::error::Error;

use axum::RequestPartsExt;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use eventcenter_core::id::UserId;
use http_body_util::LengthLimitError;
use serde_json::Value;

use super::Api;
use crate::auth::{Access, Grant, bearer, user_token};
use crate::problem::{Code, Problem};

/// Proof that the request bears a service's key.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Service;

impl FromRequestParts<Api> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Some(key) = bearer(&parts.headers) else {
            return Err(Problem::new(Code::Unauthorized, "a service key is required: Authorization: Bearer ec_…"));
        };
        match api.service_keys.check(key).await {
            Access::Granted => Ok(Self),
            Access::Refused => {
                Err(Problem::new(Code::Unauthorized, "the service key is not known, or it has been revoked"))
            }
            Access::Unknown => {
                Err(Problem::new(Code::DatabaseUnavailable, "the service key cannot be checked yet; try again"))
            }
        }
    }
}

/// The person for whom the request's user token speaks.
#[derive(Clone, Copy, Debug)]
pub struct Person(pub UserId);

impl FromRequestParts<Api> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let PersonToken(grant) = PersonToken::from_request_parts(parts, api).await?;
        Ok(Self(grant.user_id))
    }
}

/// The token by which the request speaks for a person.
#[derive(Clone, Copy, Debug)]
pub(super) struct PersonToken(pub(super) Grant);

impl FromRequestParts<Api> for PersonToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let token = user_token(&parts.headers, &api.cookies)?;
        Ok(Self(api.tokens.grant(token)?))
    }
}

/// The one variable segment of the path.
#[derive(Clone, Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Path(segment) = parts.extract::<Path<String>>().await.map_err(|error| {
            if error.status() == StatusCode::BAD_REQUEST {
                Problem::field("path", "must be UTF-8, percent-encoded")
            } else {
                Problem::internal(&error)
            }
        })?;
        // No name has one, and the database would choke on a NUL.
        if segment.chars().any(char::is_control) {
            return Err(Problem::not_found("name: it has control characters"));
        }
        Ok(Self(segment))
    }
}

/// A person named by the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathUser(pub(super) UserId);

impl<S: Send + Sync> FromRequestParts<S> for PathUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        let invalid = || Problem::field("id", "must be an integer from 1 to 9223372036854775807");
        text.parse().ok().map(Self).ok_or_else(invalid)
    }
}

/// A JSON body of at most `LIMIT` bytes.
#[derive(Clone, Debug)]
pub struct Json<const LIMIT: usize> {
    /// What it says.
    pub value: Value,
    /// How long it was, in bytes.
    pub len: usize,
}

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for Json<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/json"));
        }
        let bytes = to_bytes(request.into_body(), LIMIT).await.map_err(|error| {
            if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
                too_large(LIMIT)
            } else {
                Problem::new(Code::InvalidJson, "the body broke off")
            }
        })?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::new(Code::InvalidJson, format!("the body is not JSON: {error}")))?;
        Ok(Self { value, len: bytes.len() })
    }
}

impl<S: Send + Sync, const LIMIT: usize> OptionalFromRequest<S> for Json<LIMIT> {
    type Rejection = Problem;

    /// A request that names no type has no body.
    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// The body is over `limit` bytes.
pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body must be at most {limit} bytes ({} KiB)", limit / 1024))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
