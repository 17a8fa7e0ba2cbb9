//! Who is asking: people by their tokens, services by their keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};
use eventcenter_core::id::{DeviceId, UserId};
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

mod revocations;
mod service_keys;
mod tickets;

pub use revocations::{Revocations, Standing};
pub use service_keys::{Access, NewServiceKey, ServiceKeys};
pub use tickets::{TICKET_LIFE, Ticket, TicketError};

/// The cookie that carries a user token, unless configured otherwise.
pub const COOKIE_NAME: &str = "ec_token";
/// How far the clock of whoever signs tokens may be from ours, in seconds: a token counts that much longer.
const LEEWAY_S: u64 = 30;
/// The same.
pub const LEEWAY: Duration = Duration::from_secs(LEEWAY_S);
/// How long a token may live, unless configured otherwise. A stolen one is of use for so long.
pub const TOKEN_LIFE: Duration = Duration::from_hours(24);
/// The longest that may be configured. Revocations are kept for so long.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_hours(30 * 24);

/// Why a request does not speak for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no token.
    #[error("a user token is required: Authorization: Bearer, or the cookie")]
    Missing,
    /// There is a cookie, but another site's page may have made the browser send it.
    #[error("the cookie counts only for pages of this host and of the allowed origins")]
    ForeignOrigin,
    /// It was good once.
    #[error("the user token has expired")]
    Expired,
    /// Not signed by us, or its `sub` is no user id, or it has no `exp`, or it comes from the future.
    #[error("the user token is not valid: it must be an HS256 JWT with exp and a user id as sub")]
    Invalid,
    /// It would live for longer than a token may.
    #[error("the user token lives too long: sign one with an exp closer to its iat (EVENTCENTER_JWT_MAX_LIFE)")]
    TooLong,
    /// The person has logged out since it was issued.
    #[error("the user token was revoked: sign in again")]
    Revoked,
    /// Nobody knows yet whether it was revoked, because the database is away.
    #[error("the user token cannot be checked yet; try again")]
    Unchecked,
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For whom it speaks.
    pub user_id: UserId,
    /// When it was issued, in seconds since 1970, if it says so.
    pub issued_at: Option<i64>,
    /// When it ends, in seconds since 1970.
    pub ends_at: i64,
}

/// Signs and checks user tokens: JWTs (RFC 7519) whose `sub` is the user id.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<Keys>,
    revocations: Revocations,
    life_max: Duration,
}

struct Keys {
    deriving: hmac::Key,
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Subject,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole_seconds")]
    iat: Option<i64>,
}

/// Hosts write their user numbers either way.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Subject {
    Number(UserId),
    Text(String),
}

/// A `NumericDate` (RFC 7519 §2) may have a fraction, which is dropped.
fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(date) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = || Duration::try_from_secs_f64(date.as_f64()?).ok()?.as_secs().try_into().ok();
    date.as_i64().or_else(whole).map(Some).ok_or_else(|| D::Error::custom("iat must be seconds since 1970"))
}

impl Tokens {
    /// Tokens signed with a shared secret, which should have 32 random bytes (RFC 7518 §3.2), of which none is revoked
    /// and each may live for [`TOKEN_LIFE`].
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        // The secret is shared with nobody but the host: whoever signs with it means us.
        validation.validate_aud = false;
        let secret = secret.as_ref();
        let keys = Keys {
            deriving: hmac::Key::new(hmac::HMAC_SHA256, secret),
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            validation,
        };
        Self { keys: Arc::new(keys), revocations: Revocations::default(), life_max: TOKEN_LIFE }
    }

    /// The same, except for what is revoked, and for what lives longer than `life_max`.
    #[must_use]
    pub fn except(self, revocations: Revocations, life_max: Duration) -> Self {
        Self { revocations, life_max, ..self }
    }

    /// A key of its own for another purpose, which tells nothing about the secret: the same in every process that has it.
    pub fn derive_key(&self, purpose: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.keys.deriving, purpose.as_bytes()).as_ref())
    }

    /// The person for whom the token speaks.
    pub fn verify(&self, token: &str) -> Result<UserId, TokenError> {
        self.grant(token).map(|grant| grant.user_id)
    }

    /// For whom the token speaks, and until when.
    pub fn grant(&self, token: &str) -> Result<Grant, TokenError> {
        let Keys { checking, validation, .. } = &*self.keys;
        let claims = jsonwebtoken::decode::<Claims>(token, checking, validation).map_err(|error| {
            let is_expired = matches!(error.kind(), ErrorKind::ExpiredSignature);
            if is_expired { TokenError::Expired } else { TokenError::Invalid }
        })?;
        let Claims { sub, exp, iat } = claims.claims;
        let user_id = match sub {
            Subject::Number(user_id) => user_id,
            Subject::Text(text) => text.parse().or(Err(TokenError::Invalid))?,
        };
        let now = Timestamp::now().as_second();
        let leeway = LEEWAY_S.cast_signed();
        if iat.is_some_and(|iat| iat > now.saturating_add(leeway)) {
            return Err(TokenError::Invalid);
        }
        let life_max = i64::try_from(self.life_max.as_secs()).unwrap_or(i64::MAX);
        if exp.saturating_sub(iat.unwrap_or(now)) > life_max.saturating_add(leeway) {
            return Err(TokenError::TooLong);
        }
        self.check(Grant { user_id, issued_at: iat, ends_at: exp }, None)
    }

    /// Whether what was granted before still counts, for a session of this device.
    pub fn check(&self, grant: Grant, device: Option<&DeviceId>) -> Result<Grant, TokenError> {
        match self.revocations.standing(grant.user_id, device, grant.issued_at) {
            Standing::Good => Ok(grant),
            Standing::Revoked => Err(TokenError::Revoked),
            Standing::Unknown => Err(TokenError::Unchecked),
        }
    }

    /// A token for this person that lives for `ttl` from now on.
    pub fn issue(&self, user_id: UserId, ttl: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        let lives = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let now = Timestamp::now().as_second();
        let claims = Claims { sub: Subject::Text(user_id.to_string()), exp: now.saturating_add(lives), iat: Some(now) };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.signing)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// The web origins (RFC 6454 §6.2) whose pages may call us from a browser. None by default.
#[derive(Clone, Debug, Default)]
pub struct Origins(Arc<[HeaderValue]>);

/// A text that is no web origin.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an origin: write scheme and host without a path, as in https://app.example.org")]
pub struct InvalidOrigin(String);

impl Origins {
    /// Exactly these, each as browsers write it.
    pub fn parse(origins: &[impl AsRef<str>]) -> Result<Self, InvalidOrigin> {
        let read = |text: &str| origin(text).ok_or_else(|| InvalidOrigin(text.to_owned()));
        origins.iter().map(|text| read(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether pages of this origin may.
    pub fn allow(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter()
    }
}

fn origin(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let as_browsers_write = format!("{scheme}://{}", authority.as_str().to_ascii_lowercase());
    let is_origin = matches!(scheme, "http" | "https") && text == as_browsers_write && !text.contains('@');
    HeaderValue::from_str(text).ok().filter(|_| is_origin)
}

/// When a cookie is taken for a token.
#[derive(Clone, Debug)]
pub struct CookieRules {
    /// Which cookie: [`COOKIE_NAME`], unless the host has one of its own.
    pub name: String,
    /// Other origins than our own host whose pages may use it.
    pub origins: Origins,
}

/// The credential of `Authorization: Bearer` (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}

/// The user token of a request: the bearer's, else the cookie's. Browsers send cookies for any site's page, so the
/// cookie counts only when the browser says that the page is one of ours.
pub fn user_token<'a>(headers: &'a HeaderMap, rules: &CookieRules) -> Result<&'a str, TokenError> {
    if let Some(token) = bearer(headers) {
        return Ok(token);
    }
    let token = cookie(headers, &rules.name).ok_or(TokenError::Missing)?;
    if is_own_page(headers, &rules.origins) { Ok(token) } else { Err(TokenError::ForeignOrigin) }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Browsers leave Origin out of a GET to the page's own origin; there Sec-Fetch-Site tells, which no page can set.
fn is_own_page(headers: &HeaderMap, origins: &Origins) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let page = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let is_same_host = page.zip(host).is_some_and(|((_, page), host)| page.eq_ignore_ascii_case(host));
    is_same_host || origins.allow(origin)
}

#[cfg(test)]
mod tests;
