//! How a browser proves, without a login, that a push reached it: by a token that only the push carried. It is an HMAC
//! over whom it is about, so nothing is stored until it comes back.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use eventcenter_core::id::EventId;
use uuid::Uuid;

use super::vapid::VapidKeys;

/// Length of a token in characters: two ids and a tag.
pub const ACK_TOKEN_LEN: usize = 64;
const ID_LEN: usize = 16;
/// How much of the HMAC a token carries, in bytes: 128 bits are more than anybody can guess online.
const TAG_LEN: usize = 16;
/// Keeps this use of a VAPID key apart from its signatures.
const PURPOSE: &[u8] = b"eventcenter push acknowledgement v1";

/// Makes and checks tokens. Derived from the VAPID keys, which the processes that push and those that hear of it share;
/// tokens outlive a rotation as the old key does.
#[derive(Debug)]
pub struct AckKeys {
    current: hmac::Key,
    retired: Vec<hmac::Key>,
}

impl AckKeys {
    /// Fails only when the library cannot read back a key that it made.
    pub fn new(keys: &VapidKeys) -> Result<Self, Unspecified> {
        let derived = |secret: &[u8]| {
            let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), PURPOSE);
            hmac::Key::new(HMAC_SHA256, derived.as_ref())
        };
        let retired: Result<_, Unspecified> = keys.retired().iter().map(|key| key.with_secret(derived)).collect();
        Ok(Self { current: keys.current().with_secret(derived)?, retired: retired? })
    }

    /// The token of an event's push to a subscription.
    pub(super) fn token(&self, event: EventId, subscription: Uuid) -> String {
        let mut token = [event.uuid().into_bytes(), subscription.into_bytes()].concat();
        let tag = hmac::sign(&self.current, &token);
        token.extend_from_slice(tag.as_ref().get(..TAG_LEN).unwrap_or_default());
        BASE64.encode(token)
    }

    /// Which event and subscription a token is about; `None` unless one of these keys made it.
    pub fn verify(&self, token: &str) -> Option<(EventId, Uuid)> {
        if token.len() != ACK_TOKEN_LEN {
            return None;
        }
        let bytes = BASE64.decode(token).ok()?;
        let (about, tag) = bytes.split_at_checked(2 * ID_LEN)?;
        let is_ours = |key: &hmac::Key| {
            let expected = hmac::sign(key, about);
            expected.as_ref().get(..TAG_LEN).is_some_and(|expected| verify_slices_are_equal(expected, tag).is_ok())
        };
        std::iter::once(&self.current).chain(&self.retired).find(|key| is_ours(key))?;
        let (event, subscription) = about.split_at_checked(ID_LEN)?;
        Some((EventId::from_row(Uuid::from_slice(event).ok()?), Uuid::from_slice(subscription).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::vapid::VapidKey;
    use super::*;

    const EVENT: EventId = EventId::from_row(Uuid::from_u128(7));
    const SUBSCRIPTION: Uuid = Uuid::from_u128(8);

    fn keys(current: &str, retired: &[&str]) -> AckKeys {
        let read = |secret: &str| VapidKey::from_secret(secret).unwrap();
        AckKeys::new(&VapidKeys::new(read(current), retired.iter().map(|secret| read(secret)).collect())).unwrap()
    }

    fn secret() -> String {
        VapidKey::generate().unwrap().secret().unwrap()
    }

    #[test]
    fn a_token_names_its_event_and_subscription() {
        let keys = keys(&secret(), &[]);
        let token = keys.token(EVENT, SUBSCRIPTION);

        assert_eq!(token.len(), ACK_TOKEN_LEN);
        assert_eq!(keys.verify(&token), Some((EVENT, SUBSCRIPTION)));
        assert_ne!(token, keys.token(EVENT, Uuid::from_u128(9)));
    }

    #[test]
    fn a_token_outlives_the_rotation_of_its_key_and_not_its_loss() {
        let (old, new) = (secret(), secret());
        let token = keys(&old, &[]).token(EVENT, SUBSCRIPTION);

        assert_eq!(keys(&new, &[&old]).verify(&token), Some((EVENT, SUBSCRIPTION)));
        assert_eq!(keys(&new, &[]).verify(&token), None);
    }

    #[test]
    fn nobody_can_make_or_change_one() {
        let keys = keys(&secret(), &[]);
        let token = keys.token(EVENT, SUBSCRIPTION);
        for at in 0..ACK_TOKEN_LEN {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.verify(std::str::from_utf8(&forged).unwrap()), None, "{at}");
        }
        for wrong in ["", "x", &token[1..], &format!("{token}A"), &"я".repeat(32)] {
            assert_eq!(keys.verify(wrong), None, "{wrong}");
        }
    }
}
