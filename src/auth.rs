//! Who is asking: people by their tokens, services by their keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};
use eventcenter_core::id::UserId;
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

mod service_keys;

pub use service_keys::{Access, NewServiceKey, ServiceKeys};

/// The cookie that carries a user token, unless configured otherwise.
pub const COOKIE_NAME: &str = "ec_token";
/// How far the clock of whoever signs tokens may be from ours, in seconds: a token counts that much longer.
const LEEWAY_S: u64 = 30;

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
    /// Not signed by us, or its `sub` is no user id, or it has no `exp`.
    #[error("the user token is not valid: it must be an HS256 JWT with exp and a user id as sub")]
    Invalid,
}

/// Signs and checks user tokens: JWTs (RFC 7519) whose `sub` is the user id.
#[derive(Clone)]
pub struct Tokens(Arc<Keys>);

struct Keys {
    deriving: hmac::Key,
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For whom it speaks.
    pub user_id: UserId,
    /// When it ends, in seconds since 1970.
    pub ends_at: i64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Subject,
    exp: i64,
}

/// Hosts write their user numbers either way.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Subject {
    Number(UserId),
    Text(String),
}

impl Tokens {
    /// Tokens signed with a shared secret, which should have 32 random bytes (RFC 7518 §3.2).
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        // The secret is shared with nobody but the host: whoever signs with it means us.
        validation.validate_aud = false;
        let secret = secret.as_ref();
        Self(Arc::new(Keys {
            deriving: hmac::Key::new(hmac::HMAC_SHA256, secret),
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            validation,
        }))
    }

    /// A key of its own for another purpose, which tells nothing about the secret: the same in every process that has it.
    pub fn derive_key(&self, purpose: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0.deriving, purpose.as_bytes()).as_ref())
    }

    /// The person for whom the token speaks.
    pub fn verify(&self, token: &str) -> Result<UserId, TokenError> {
        self.grant(token).map(|grant| grant.user_id)
    }

    /// For whom the token speaks, and until when.
    pub fn grant(&self, token: &str) -> Result<Grant, TokenError> {
        let Keys { checking, validation, .. } = &*self.0;
        let claims = jsonwebtoken::decode::<Claims>(token, checking, validation).map_err(|error| {
            let is_expired = matches!(error.kind(), ErrorKind::ExpiredSignature);
            if is_expired { TokenError::Expired } else { TokenError::Invalid }
        })?;
        let Claims { sub, exp } = claims.claims;
        let user_id = match sub {
            Subject::Number(user_id) => user_id,
            Subject::Text(text) => text.parse().or(Err(TokenError::Invalid))?,
        };
        Ok(Grant { user_id, ends_at: exp })
    }

    /// A token for this person that lives for `ttl` from now on.
    pub fn issue(&self, user_id: UserId, ttl: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        let lives = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let exp = Timestamp::now().as_second().saturating_add(lives);
        let claims = Claims { sub: Subject::Text(user_id.to_string()), exp };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.0.signing)
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
