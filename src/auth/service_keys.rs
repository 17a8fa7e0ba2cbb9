//! Keys of services. Few and long-lived, so every process holds all their hashes.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use tokio::sync::Mutex;

/// A revoked key is refused, everywhere, after at most this long.
const REFRESH: Duration = Duration::from_secs(5);
/// An unknown key may be new, so it makes us look, but no more often than this: guessing keys costs no queries.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What every key begins with, so that secret scanners know it.
const PREFIX: &str = "ec_";
/// Random bytes in a secret.
const SECRET_BYTES: usize = 32;
/// Characters of a key that may be shown.
const SHOWN: usize = 10;

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is one of ours.
    Granted,
    /// It never was, or no longer is.
    Refused,
    /// Not known: the database cannot be asked.
    Unknown,
}

/// The keys that are accepted now. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct ServiceKeys(Arc<Inner>);

struct Inner {
    store: Store,
    hashes: RwLock<Vec<Vec<u8>>>,
    /// When the store was last asked, and whether it answered. Its lock lets one ask at a time.
    asked: Mutex<Option<(Instant, bool)>>,
}

impl ServiceKeys {
    /// The keys of this store; none is loaded yet.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, hashes: RwLock::default(), asked: Mutex::default() }))
    }

    /// Whether the key is one of ours.
    pub async fn check(&self, key: &str) -> Access {
        let hash = hash(key);
        if self.holds(&hash) {
            return Access::Granted;
        }
        let is_current = self.look(LOOK_AGAIN).await;
        match (self.holds(&hash), is_current) {
            (true, _) => Access::Granted,
            (false, true) => Access::Refused,
            (false, false) => Access::Unknown,
        }
    }

    /// Looks for new and revoked keys until the process stops.
    pub async fn keep_fresh(self, tasks: Tasks) {
        loop {
            self.look(Duration::ZERO).await;
            if tasks.pause(REFRESH).await {
                return;
            }
        }
    }

    /// Accepts this key from now on, without any store.
    #[cfg(test)]
    pub(crate) fn accept(&self, key: &str) {
        self.0.hashes.write().unwrap_or_else(PoisonError::into_inner).push(hash(key));
    }

    fn holds(&self, hash: &[u8]) -> bool {
        let hashes = self.0.hashes.read().unwrap_or_else(PoisonError::into_inner);
        hashes.iter().any(|known| verify_slices_are_equal(known, hash).is_ok())
    }

    /// Asks the store, unless that was done within `fresh`; whether it answered last time.
    async fn look(&self, fresh: Duration) -> bool {
        let mut asked = self.0.asked.lock().await;
        if let Some((at, answered)) = *asked
            && at.elapsed() < fresh
        {
            return answered;
        }
        let answered = match self.0.store.active_service_keys().await {
            Ok(hashes) => {
                *self.0.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "service keys could not be read; those known go on being accepted");
                false
            }
        };
        *asked = Some((Instant::now(), answered));
        answered
    }
}

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKeys").finish_non_exhaustive()
    }
}

/// A key just made. The secret is shown once and never stored.
pub struct NewServiceKey {
    /// What the service sends: `ec_` and base64url of 32 random bytes.
    pub secret: String,
    /// Its first characters, to tell keys apart.
    pub prefix: String,
    /// What is stored: its SHA-256.
    pub hash: Vec<u8>,
}

impl NewServiceKey {
    /// Makes one. Fails only when the system has no randomness to give.
    pub fn generate() -> Result<Self, Unspecified> {
        let secret = format!("{PREFIX}{}", random()?);
        Ok(Self { prefix: secret.chars().take(SHOWN).collect(), hash: hash(&secret), secret })
    }
}

impl fmt::Debug for NewServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewServiceKey").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// 256 random bits as 43 characters of base64url.
pub(super) fn random() -> Result<String, Unspecified> {
    let mut random = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut random)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// What is stored of a secret.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> ServiceKeys {
        // Nothing listens on the discard port.
        ServiceKeys::new(Store::connect("postgres://nobody@127.0.0.1:9/none", 1).unwrap())
    }

    #[test]
    fn a_new_key_is_recognisable_and_hides_its_secret() {
        let key = NewServiceKey::generate().unwrap();

        assert!(key.secret.starts_with(&key.prefix) && key.prefix.starts_with("ec_"));
        assert_eq!(key.secret.len(), "ec_".len() + 43);
        assert_eq!(key.hash, hash(&key.secret));
        assert!(!format!("{key:?}").contains(&key.secret));
        assert_ne!(NewServiceKey::generate().unwrap().secret, key.secret);
    }

    #[tokio::test]
    async fn a_known_key_opens_even_while_the_database_is_away() {
        let keys = away();
        let key = NewServiceKey::generate().unwrap();
        keys.accept(&key.secret);

        assert_eq!(keys.check(&key.secret).await, Access::Granted);
    }

    #[tokio::test]
    async fn an_unknown_key_is_not_refused_before_the_database_was_asked() {
        assert_eq!(away().check("ec_unknown").await, Access::Unknown);
    }

    #[tokio::test]
    async fn an_unknown_key_is_refused_by_what_was_read_a_moment_ago() {
        let keys = away();
        *keys.0.asked.lock().await = Some((Instant::now(), true));

        assert_eq!(keys.check("ec_unknown").await, Access::Refused);
    }
}
