//! The header that proves a push is ours (RFC 8292 §3). One signature serves every push to an origin for hours:
//! signing each would more than double what a push costs, and push services ask to be spared it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::vapid::{Subject, VapidKey, VapidKeys};

/// How long a token is valid. RFC 8292 §2 allows 24 h; half of it leaves room for clocks that disagree.
const LIFE: SignedDuration = SignedDuration::from_hours(12);
/// A token with less than this left is replaced.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(3);
/// How many (key, origin) pairs are remembered. There are a handful of origins unless operators allow any; when it is
/// full, all are forgotten and signed again as they are needed.
const REMEMBERED_MAX: usize = 512;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthorized {
    /// The operator has taken it away.
    #[error("the VAPID key that the subscription was made with is not configured")]
    UnknownKey,
    /// No randomness, or worse.
    #[error("signing failed")]
    Signing(#[from] Unspecified),
    /// A bug of ours.
    #[error("the claims could not be written")]
    Claims(#[from] serde_json::Error),
    /// The origin has characters that no header takes.
    #[error("the token does not fit a header")]
    Header(#[from] http::header::InvalidHeaderValue),
}

/// Signs, and remembers what it signed.
pub struct Authorizations {
    keys: VapidKeys,
    subject: Subject,
    remembered: Mutex<HashMap<Audience, Signed>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Audience {
    key_id: String,
    origin: String,
}

struct Signed {
    header: HeaderValue,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl Authorizations {
    /// Signs with these keys, for pushes about which one can write to `subject`.
    pub fn new(keys: VapidKeys, subject: Subject) -> Self {
        Self { keys, subject, remembered: Mutex::default() }
    }

    /// The `Authorization` header for pushes to `origin` under the key of that id. Signs under the lock, once: a
    /// signature takes microseconds.
    pub fn header(&self, key_id: &str, origin: String, now: Timestamp) -> Result<HeaderValue, NotAuthorized> {
        let key = self.keys.get(key_id).ok_or(NotAuthorized::UnknownKey)?;
        let audience = Audience { key_id: key_id.to_owned(), origin };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = remembered.get(&audience)
            && signed.is_fresh(now)
        {
            return Ok(signed.header.clone());
        }
        let signed = self.sign(key, &audience.origin, now)?;
        let header = signed.header.clone();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(audience, signed);
        Ok(header)
    }

    /// Another header after a push service refused this one. Signs once, however many were refused with it.
    pub fn renewed(
        &self,
        key_id: &str,
        origin: String,
        refused: &HeaderValue,
        now: Timestamp,
    ) -> Result<HeaderValue, NotAuthorized> {
        let audience = Audience { key_id: key_id.to_owned(), origin: origin.clone() };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.get(&audience).is_some_and(|signed| signed.header == *refused) {
            remembered.remove(&audience);
        }
        drop(remembered);
        self.header(key_id, origin, now)
    }

    fn sign(&self, key: &VapidKey, origin: &str, now: Timestamp) -> Result<Signed, NotAuthorized> {
        let expires_at = now.saturating_add(LIFE).unwrap_or(Timestamp::MAX);
        let claims = Claims { aud: origin, exp: expires_at.as_second(), sub: self.subject.as_str() };
        let claims = serde_json::to_vec(&claims)?;
        let header = BASE64.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{header}.{}", BASE64.encode(claims));
        let value = format!("vapid t={signed}.{}, k={}", key.sign(&signed)?, key.public_key());
        let mut header = HeaderValue::try_from(value)?;
        header.set_sensitive(true);
        Ok(Signed { header, expires_at })
    }
}

impl Signed {
    /// Neither about to expire nor, after a clock was set back, valid for longer than a push service accepts.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let left = self.expires_at.duration_since(now);
        RENEW_BEFORE < left && left <= LIFE
    }
}

impl fmt::Debug for Authorizations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizations")
            .field("keys", &self.keys)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    const SUBJECT: &str = "mailto:ops@example.org";

    fn authorizations() -> (Authorizations, String) {
        let key = VapidKey::generate().unwrap();
        let id = key.id().to_owned();
        (Authorizations::new(VapidKeys::new(key, Vec::new()), Subject::parse(SUBJECT).unwrap()), id)
    }

    fn now() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    fn mozilla() -> String {
        "https://updates.push.services.mozilla.com".to_owned()
    }

    /// What a push service does: checks the signature by the key that came along, and reads the claims.
    fn claims(header: &HeaderValue) -> Value {
        let (token, key) = header.to_str().unwrap().strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, BASE64.decode(key).unwrap())
            .verify(signed.as_bytes(), &BASE64.decode(signature).unwrap())
            .unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let header: Value = serde_json::from_slice(&BASE64.decode(header).unwrap()).unwrap();
        assert_eq!(header, json!({"typ": "JWT", "alg": "ES256"}));
        serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap()
    }

    #[test]
    fn the_token_says_to_whom_until_when_and_from_whom() {
        let (authorizations, id) = authorizations();
        let origin = "https://push.example.org:8443".to_owned();

        let header = authorizations.header(&id, origin.clone(), now()).unwrap();

        let in_12_hours: Timestamp = "2026-11-23T21:00:00Z".parse().unwrap();
        assert_eq!(claims(&header), json!({"aud": origin, "exp": in_12_hours.as_second(), "sub": SUBJECT}));
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_token_serves_until_it_is_about_to_expire() {
        let (authorizations, id) = authorizations();
        let at = |hours| authorizations.header(&id, mozilla(), now() + SignedDuration::from_hours(hours)).unwrap();
        let first = at(0);

        assert_eq!(at(8), first);
        assert_ne!(at(9), first);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_token_live_too_long() {
        let (authorizations, id) = authorizations();
        let first = authorizations.header(&id, mozilla(), now()).unwrap();

        let earlier = authorizations.header(&id, mozilla(), now() - SignedDuration::from_hours(24)).unwrap();

        assert_ne!(earlier, first);
    }

    #[test]
    fn each_origin_has_its_own_token() {
        let (authorizations, id) = authorizations();
        let header = |origin: &str| authorizations.header(&id, origin.to_owned(), now()).unwrap();

        assert_ne!(header("https://web.push.apple.com"), header("https://fcm.googleapis.com"));
    }

    #[test]
    fn a_refused_token_is_signed_anew_once() {
        let (authorizations, id) = authorizations();
        let refused = authorizations.header(&id, mozilla(), now()).unwrap();

        let renewed = || authorizations.renewed(&id, mozilla(), &refused, now()).unwrap();

        // ECDSA signatures are randomised, so a new one differs.
        let first = renewed();
        assert_ne!(first, refused);
        assert_eq!(renewed(), first);
    }

    #[test]
    fn no_more_is_remembered_than_the_bound() {
        let (authorizations, id) = authorizations();

        for number in 0..=REMEMBERED_MAX {
            authorizations.header(&id, format!("https://{number}.example.org"), now()).unwrap();
        }

        assert_eq!(authorizations.remembered.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_key_that_is_not_configured_signs_nothing() {
        let (authorizations, _) = authorizations();

        assert!(matches!(authorizations.header("gone", mozilla(), now()), Err(NotAuthorized::UnknownKey)));
    }
}
