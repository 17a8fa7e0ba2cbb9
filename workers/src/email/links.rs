//! What a mail can be answered by without anybody logging in: the address of its unsubscribe page, and the return path
//! to which it bounces. Both hold a signature, so that nobody can answer a mail that they did not get.
//!
//! The keys are derived from the secret that signs user tokens (HKDF, RFC 5869), one a purpose: no signature passes for
//! another kind, or for a user token. A new secret ends all of them.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use eventcenter_core::event::{Event, Level};
use eventcenter_core::id::{EventId, UserId};
use lettre::Address;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

/// Bytes of the signature in a link: half of HMAC-SHA-256 (RFC 2104, section 5).
const LINK_TAG: usize = 16;
/// Hex digits of the signature in a return path: 96 bits, as much as fits.
const VERP_TAG: usize = 24;
/// Hex digits of an event's id there.
const VERP_ID: usize = 32;
/// Longest local part of the bounce address: with `+` and the token it must fit 64 bytes (RFC 5321, section 4.5.3.1.1).
const BOUNCE_LOCAL_MAX: usize = 64 - 1 - VERP_ID - VERP_TAG;

/// A bounce address that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidBounceAddress {
    /// No address, or too long a one.
    #[error("the bounce address must be like bounce@example.org, with at most 7 letters or digits before the @")]
    Address,
    /// The keys could not be derived.
    #[error("no keys can be derived from the secret")]
    Keys(#[from] Unspecified),
}

/// Makes and checks the answers to a mail. Cheap to clone.
#[derive(Clone)]
pub struct MailLinks {
    unsubscribe: hmac::Key,
    bounce: hmac::Key,
    public_url: Option<Url>,
    /// Local part and domain.
    bounce_address: Option<(String, String)>,
}

impl fmt::Debug for MailLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailLinks")
            .field("public_url", &self.public_url)
            .field("bounce_address", &self.bounce_address)
            .finish_non_exhaustive()
    }
}

/// What a return path holds: which mail bounced, and a signature over it and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerpToken {
    /// The mail's event.
    pub event_id: EventId,
    tag: [u8; VERP_TAG / 2],
}

impl MailLinks {
    /// `public_url` is where people reach our HTTP API; without it, mail offers no unsubscribing. `bounce_address` takes
    /// what comes back, sub-addressed: `bounce+…@example.org`; without it, mail comes back to its sender.
    pub fn new(
        secret: &[u8],
        public_url: Option<Url>,
        bounce_address: Option<&str>,
    ) -> Result<Self, InvalidBounceAddress> {
        let secret = Salt::new(HKDF_SHA256, b"eventcenter").extract(secret);
        Ok(Self {
            unsubscribe: key(&secret, b"unsubscribe")?,
            bounce: key(&secret, b"bounce")?,
            public_url,
            bounce_address: bounce_address.map(bounce_parts).transpose()?,
        })
    }

    /// Where a person stops mail of the event's type by one POST. `None` for a critical `system.alert`, which nobody
    /// can stop, and where there is no public URL.
    pub(super) fn unsubscribe_url(&self, event: &Event) -> Option<String> {
        let url =
            self.public_url.as_ref().filter(|_| event.kind != "system.alert" || event.level != Level::Critical)?;
        let token = self.unsubscribe_token(event.user_id, &event.kind);
        Some(format!("{}/unsubscribe/{token}", url.as_str().trim_end_matches('/')))
    }

    /// Lets whoever has it stop this person's mail of this type. It does not expire: a mail may be years old.
    pub fn unsubscribe_token(&self, user_id: UserId, kind: &str) -> String {
        let said = [&user_id.get().to_be_bytes(), kind.as_bytes()].concat();
        let signature = hmac::sign(&self.unsubscribe, &said);
        let tag = signature.as_ref().get(..LINK_TAG).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode([tag, &said].concat())
    }

    /// Whose mail of which type a token stops; `None` unless we made it.
    pub fn read_unsubscribe_token(&self, token: &str) -> Option<(UserId, String)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, said) = bytes.split_at_checked(LINK_TAG)?;
        is_signature(&self.unsubscribe, said, tag).then_some(())?;
        let (user_id, kind) = said.split_first_chunk()?;
        Some((UserId::new(i64::from_be_bytes(*user_id))?, String::from_utf8(kind.to_vec()).ok()?))
    }

    /// The envelope sender by which a bounce of this mail is known (VERP). `None` where nobody collects bounces.
    pub(super) fn return_path(&self, event_id: EventId, recipient: &str) -> Option<Address> {
        let (local, domain) = self.bounce_address.as_ref()?;
        let signature = hmac::sign(&self.bounce, &bounce_said(event_id, recipient));
        // Of the first 128 bits, the first 96.
        let tag = u128::from_be_bytes(*signature.as_ref().first_chunk()?) >> 32;
        Address::new(format!("{local}+{}{tag:024x}", event_id.uuid().simple()), domain).ok()
    }

    /// The token of an address that may be one of our return paths, in whatever case a server on the way has put it.
    pub fn read_return_path(&self, address: &str) -> Option<VerpToken> {
        let (local, domain) = self.bounce_address.as_ref()?;
        let address = address.to_ascii_lowercase();
        let token = address.strip_suffix(domain)?.strip_suffix('@')?.strip_prefix(local)?.strip_prefix('+')?;
        let (id, tag) = token.split_at_checked(VERP_ID)?;
        let is_hex = tag.len() == VERP_TAG && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tag = u128::from_str_radix(tag, 16).ok().filter(|_| is_hex)?.to_be_bytes().last_chunk().copied()?;
        Some(VerpToken { event_id: EventId::from_row(Uuid::try_parse(id).ok()?), tag })
    }

    /// Whether the mail of that token was ours, and went to this address.
    pub fn vouches(&self, token: VerpToken, recipient: &str) -> bool {
        is_signature(&self.bounce, &bounce_said(token.event_id, recipient), &token.tag)
    }
}

fn key(secret: &Prk, purpose: &[u8]) -> Result<hmac::Key, Unspecified> {
    Ok(secret.expand(&[purpose], hmac::HMAC_SHA256)?.into())
}

/// Whether `tag` is the beginning of the signature. The callers fix its length.
fn is_signature(key: &hmac::Key, said: &[u8], tag: &[u8]) -> bool {
    let signature = hmac::sign(key, said);
    signature.as_ref().get(..tag.len()).is_some_and(|whole| verify_slices_are_equal(whole, tag).is_ok())
}

/// The address is part of it, so that a bounce says nothing about the one that a person has changed to since.
fn bounce_said(event_id: EventId, recipient: &str) -> Vec<u8> {
    [event_id.uuid().as_bytes(), recipient.to_lowercase().as_bytes()].concat()
}

fn bounce_parts(address: &str) -> Result<(String, String), InvalidBounceAddress> {
    let address = address.to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@').ok_or(InvalidBounceAddress::Address)?;
    let is_plain = (1..=BOUNCE_LOCAL_MAX).contains(&local.len()) && local.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_plain && super::is_host_name(domain) {
        Ok((local.to_owned(), domain.to_owned()))
    } else {
        Err(InvalidBounceAddress::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::fixtures;

    fn links_of(secret: &[u8]) -> MailLinks {
        let url = Url::parse("https://notify.example.org/").unwrap();
        MailLinks::new(secret, Some(url), Some("Bounce@Mail.Example.org")).unwrap()
    }

    fn token_of(links: &MailLinks) -> String {
        links.unsubscribe_token(UserId::from_row(42), "job.done")
    }

    #[test]
    fn a_link_names_its_person_and_type() {
        let links = links_of(b"secret");
        let url = links.unsubscribe_url(&fixtures::event()).unwrap();

        let token = url.strip_prefix("https://notify.example.org/unsubscribe/").unwrap();

        assert_eq!(links.read_unsubscribe_token(token), Some((UserId::from_row(42), "job.done".to_owned())));
    }

    #[test]
    fn a_link_that_we_did_not_make_opens_nothing() {
        let links = links_of(b"secret");
        let token = token_of(&links);
        for n in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[n] = if forged[n] == b'A' { b'B' } else { b'A' };
            assert_eq!(links.read_unsubscribe_token(std::str::from_utf8(&forged).unwrap()), None, "{n}");
        }
        for wrong in ["", "A", &token[..22], &format!("{token}A"), "ж", &token_of(&links_of(b"other"))] {
            assert_eq!(links.read_unsubscribe_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nobody_is_offered_to_stop_a_critical_system_alert() {
        let links = links_of(b"secret");
        let alert = |level| Event { kind: "system.alert".to_owned(), level, ..fixtures::event() };

        assert_eq!(links.unsubscribe_url(&alert(Level::Critical)), None);
        assert!(links.unsubscribe_url(&alert(Level::Error)).is_some());
        let job = Event { level: Level::Critical, ..fixtures::event() };
        assert!(links.unsubscribe_url(&job).is_some());
    }

    #[test]
    fn a_return_path_vouches_for_its_own_mail_and_address_alone() {
        let links = links_of(b"secret");
        let path = links.return_path(fixtures::event().id, "Anna@example.org").unwrap();
        let (local, domain) = (path.user(), path.domain());
        assert!(local.len() <= 64 && domain == "mail.example.org", "{path}");

        let token = links.read_return_path(&path.to_string().to_uppercase()).unwrap();

        assert!(token.event_id == fixtures::event().id && links.vouches(token, "anna@example.org"));
        assert!(!links.vouches(token, "boris@example.org"));
        assert!(!links_of(b"other").vouches(token, "anna@example.org"));
        let other = links.return_path(EventId::from_row(Uuid::nil()), "anna@example.org").unwrap();
        let mixed = format!("{}{}@{domain}", &local[..39], &other.user()[39..]);
        assert!(!links.vouches(links.read_return_path(&mixed).unwrap(), "anna@example.org"));
        for wrong in
            ["bounce@mail.example.org", "bounce+@mail.example.org", &local[..50], &format!("{local}@evil.example")]
        {
            assert_eq!(links.read_return_path(wrong), None, "{wrong}");
        }
        let signed = format!("bounce+{}+{}@{domain}", &local[7..39], &local[40..]);
        assert_eq!(links.read_return_path(&signed), None, "a sign is no hex digit");
    }

    #[test]
    fn a_bounce_address_leaves_room_for_the_token() {
        for wrong in ["", "bounce", "bounces8@example.org", "a+b@example.org", "@example.org", "bounce@exa mple.org"] {
            let made = MailLinks::new(b"secret", None, Some(wrong));
            assert_eq!(made.map(drop), Err(InvalidBounceAddress::Address), "{wrong}");
        }
    }
}
