//! Who we are to a push service (VAPID, RFC 8292): our keys, and whom it can write to about our pushes.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use url::{Host, Url};

/// How many characters of the public key's hash name a key.
const ID_LEN: usize = 8;
/// Longest subject, in bytes: it rides in every request's header. A longer one is refused.
pub const SUBJECT_MAX: usize = 255;

/// A text that is no VAPID key.
#[derive(Debug, thiserror::Error)]
#[error("a VAPID key is a P-256 private key: 32 bytes in base64url, as `eventcenter vapid generate` prints it")]
pub struct InvalidVapidKey;

/// A P-256 key pair. A browser's subscription is bound to the one it was made with.
pub struct VapidKey {
    id: String,
    pair: EcdsaKeyPair,
}

impl VapidKey {
    /// A new key. Fails only when the system has no randomness to give.
    pub fn generate() -> Result<Self, Unspecified> {
        Ok(Self::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?))
    }

    /// Reads what [`VapidKey::secret`] gave.
    pub fn from_secret(text: &str) -> Result<Self, InvalidVapidKey> {
        Self::read(text.trim()).ok_or(InvalidVapidKey)
    }

    fn read(text: &str) -> Option<Self> {
        let scalar = BASE64.decode(text.trim_end_matches('=')).ok()?;
        let point = PrivateKey::from_private_key(&ECDH_P256, &scalar).ok()?.compute_public_key().ok()?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &scalar, point.as_ref()).ok().map(Self::new)
    }

    fn new(pair: EcdsaKeyPair) -> Self {
        let mut id = BASE64.encode(digest(&SHA256, pair.public_key().as_ref()));
        id.truncate(ID_LEN);
        Self { id, pair }
    }

    /// What subscriptions call it: the first 8 characters of base64url(SHA-256(public key)).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a page passes to `subscribe()` as `applicationServerKey`: the uncompressed point, 65 bytes in base64url.
    pub fn public_key(&self) -> String {
        BASE64.encode(self.pair.public_key())
    }

    /// The private scalar, 32 bytes in base64url. For the operator's safe; it must not reach logs.
    pub fn secret(&self) -> Result<String, Unspecified> {
        self.with_secret(|scalar| BASE64.encode(scalar))
    }

    /// Makes something else of the private key.
    pub(super) fn with_secret<T>(&self, derive: impl FnOnce(&[u8]) -> T) -> Result<T, Unspecified> {
        let scalar: EcPrivateKeyBin<'_> = self.pair.private_key().as_be_bytes()?;
        Ok(derive(scalar.as_ref()))
    }

    /// An ES256 signature (RFC 7518 §3.4).
    pub(super) fn sign(&self, text: &str) -> Result<String, Unspecified> {
        Ok(BASE64.encode(self.pair.sign(&SystemRandom::new(), text.as_bytes())?))
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of an installation. One is for new subscriptions; those that came before it stay until no subscription
/// was made with them any more.
#[derive(Debug)]
pub struct VapidKeys {
    current: VapidKey,
    retired: Vec<VapidKey>,
}

impl VapidKeys {
    /// The key for new subscriptions, and older ones.
    pub const fn new(current: VapidKey, retired: Vec<VapidKey>) -> Self {
        Self { current, retired }
    }

    /// The key that new subscriptions are made with.
    pub const fn current(&self) -> &VapidKey {
        &self.current
    }

    /// Those that came before it.
    pub fn retired(&self) -> &[VapidKey] {
        &self.retired
    }

    /// The key of that id, current or retired.
    pub fn get(&self, id: &str) -> Option<&VapidKey> {
        std::iter::once(&self.current).chain(&self.retired).find(|key| key.id == id)
    }
}

/// A text that no push service could write to.
#[derive(Debug, thiserror::Error)]
#[error(
    "a VAPID subject is a mailto: address or an https: URL of a public host, as in mailto:ops@example.org, at most \
     {SUBJECT_MAX} bytes (Apple refuses every push of a subject at localhost)"
)]
pub struct InvalidSubject;

/// The `sub` of RFC 8292 §2.1: whom a push service can reach about our pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Reads `mailto:…` or `https:…`.
    pub fn parse(text: &str) -> Result<Self, InvalidSubject> {
        let is_clean = text.len() <= SUBJECT_MAX && text.chars().all(|c| c.is_ascii_graphic());
        let leads_somewhere = match text.strip_prefix("mailto:") {
            Some(address) => is_mailbox(address),
            None => is_public_site(text),
        };
        if is_clean && leads_somewhere { Ok(Self(text.to_owned())) } else { Err(InvalidSubject) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_mailbox(address: &str) -> bool {
    address.split_once('@').is_some_and(|(local, domain)| {
        let is_domain = domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        !local.is_empty() && is_domain && is_public_name(domain)
    })
}

fn is_public_site(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && matches!(url.host(), Some(Host::Domain(name)) if is_public_name(name))
    })
}

/// Two labels or more, and not under a name that is never public (RFC 6761, RFC 6762).
fn is_public_name(name: &str) -> bool {
    const NEVER_PUBLIC: [&str; 6] = ["localhost", "localdomain", "local", "internal", "test", "invalid"];
    let mut labels = name.rsplit('.');
    let is_top_public = labels.next().is_some_and(|top| {
        !NEVER_PUBLIC.iter().any(|never| top.eq_ignore_ascii_case(never))
            && top.chars().any(|c| c.is_ascii_alphabetic())
    });
    is_top_public && labels.clone().count() > 0 && labels.all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8291, appendix A: a private key and the public key that belongs to it.
    const SECRET: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

    #[test]
    fn the_secret_gives_the_public_key_and_the_id() {
        let key = VapidKey::from_secret(SECRET).unwrap();

        assert_eq!(key.public_key(), PUBLIC);
        assert_eq!(key.secret().unwrap(), SECRET);
        let hash = BASE64.encode(digest(&SHA256, &BASE64.decode(PUBLIC).unwrap()));
        assert_eq!(key.id(), &hash[..8]);
    }

    #[test]
    fn a_generated_key_survives_being_written_down() {
        let key = VapidKey::generate().unwrap();

        let read = VapidKey::from_secret(&format!("{}\n", key.secret().unwrap())).unwrap();

        assert_eq!((read.id(), read.public_key()), (key.id(), key.public_key()));
        assert_ne!(VapidKey::generate().unwrap().id(), key.id());
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let zero = BASE64.encode([0; 32]);
        let above_the_order = BASE64.encode([0xff; 32]);
        for wrong in ["", "hunter2", &SECRET[1..], PUBLIC, &zero, &above_the_order] {
            assert!(VapidKey::from_secret(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_never_shows_its_secret() {
        let shown = format!("{:?}", VapidKeys::new(VapidKey::from_secret(SECRET).unwrap(), Vec::new()));

        assert!(!shown.contains(&SECRET[..6]), "{shown}");
    }

    #[test]
    fn a_retired_key_is_still_found() {
        let [current, retired] = [(); 2].map(|()| VapidKey::generate().unwrap());
        let (current_id, retired_id) = (current.id().to_owned(), retired.id().to_owned());
        let keys = VapidKeys::new(current, vec![retired]);

        assert_eq!(keys.current().id(), current_id);
        assert_eq!(keys.get(&current_id).map(VapidKey::id), Some(&*current_id));
        assert_eq!(keys.get(&retired_id).map(VapidKey::id), Some(&*retired_id));
        assert!(keys.get("other").is_none());
    }

    #[test]
    fn a_subject_leads_to_a_person() {
        for right in ["mailto:ops@example.org", "mailto:ops+push@mail.example.org", "https://example.org/contact"] {
            assert_eq!(Subject::parse(right).unwrap().as_str(), right);
        }
        let long = format!("mailto:{}@example.org", "x".repeat(SUBJECT_MAX));
        for wrong in [
            "",
            "ops@example.org",
            "mailto:",
            "mailto:ops",
            "mailto:@example.org",
            "mailto:ops@localhost",
            "mailto:ops@host.local",
            "mailto:ops@.org",
            "mailto:ops@example.",
            "mailto:ops@[127.0.0.1]",
            "mailto:ops@127.0.0.1",
            "mailto:a@b@example.org",
            "mailto:ops@example.org?subject=x",
            "mailto:ops@example.org\r\n",
            "http://example.org",
            "https://localhost",
            "https://127.0.0.1/",
            "https:",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(Subject::parse(wrong).is_err(), "{wrong}");
        }
    }
}
