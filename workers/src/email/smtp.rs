//! A client for one SMTP server: a fixed number of connections, kept while they are good.
//!
//! Not lettre's own pool: it opens as many connections as there are senders, puts a connection back that a cancelled
//! send left in the middle of a mail, and spends a round trip on NOOP before each one.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::extension::ClientId;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::reply::{Failure, Phase};
pub(crate) use session::Timeouts;
use session::{Encryption, Session};

mod config;
#[cfg(test)]
pub(crate) mod script;
mod session;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{InvalidSmtpUrl, SmtpConfig};
pub use session::{InvalidTls, Parcel};

/// Most connections at once. Who comes next waits for one of them.
pub const CONNECTIONS: usize = 4;

/// Most mails over one connection, below what common servers allow; then it is closed and a new one made.
const MAILS_PER_CONNECTION: u32 = 100;

/// Longest that a connection may lie idle, below common servers' limits; an older one is dropped when a connection is
/// next needed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Longest that a connection may live, so that a server's new address or certificate is noticed.
const AGE_MAX: Duration = Duration::from_mins(5);

/// The client. Cheap until the first mail: it connects only then.
pub struct Smtp {
    config: SmtpConfig,
    encryption: Encryption,
    name: ClientId,
    timeouts: Timeouts,
    slots: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Smtp {
    /// `domain` is what it calls itself in EHLO. Reads the system's root certificates, if it needs TLS.
    pub fn new(config: SmtpConfig, domain: &str) -> Result<Self, InvalidTls> {
        Self::with_timeouts(config, domain, Timeouts::default())
    }

    pub(crate) fn with_timeouts(config: SmtpConfig, domain: &str, timeouts: Timeouts) -> Result<Self, InvalidTls> {
        let encryption = Encryption::new(&config)?;
        Ok(Self {
            config,
            encryption,
            name: ClientId::Domain(domain.to_owned()),
            timeouts,
            slots: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
        })
    }

    /// Hands one mail to the server before `by`; returns its words. A connection is kept only after a success or a
    /// recipient refused for good: after any other failure, a timeout or a cancellation nobody knows what the server expects next.
    pub async fn send(&self, parcel: &Parcel, by: Instant) -> Result<String, Failure> {
        let Ok(_slot) = timeout_at(by, self.slots.acquire()).await else {
            return Err(Failure::Timeout(Phase::Whole));
        };
        if let Some(session) = self.take_idle() {
            match self.send_over(session, parcel, by).await {
                Err(failure) if failure.means_stale() => {}
                settled => return settled,
            }
        }
        let session = self.open(by).await?;
        self.send_over(session, parcel, by).await
    }

    /// Connects, encrypts and authenticates, and takes leave: says what a mail would run into.
    pub(crate) async fn check(&self, by: Instant) -> Result<(), Failure> {
        self.open(by).await?.quit(&self.timeouts).await;
        Ok(())
    }

    async fn open(&self, by: Instant) -> Result<Session, Failure> {
        Session::open(&self.config, &self.encryption, &self.name, &self.timeouts, by).await
    }

    async fn send_over(&self, mut session: Session, parcel: &Parcel, by: Instant) -> Result<String, Failure> {
        let sent = session.send(parcel, &self.timeouts, by).await;
        let is_clean = match &sent {
            Ok(_) => true,
            Err(failure) => failure.leaves_a_connection() && session.reset(&self.timeouts).await.is_ok(),
        };
        if is_clean {
            self.keep(session).await;
        }
        sent
    }

    async fn keep(&self, session: Session) {
        if session.carried < MAILS_PER_CONNECTION && session.opened_at.elapsed() < AGE_MAX {
            self.idle().push(session);
        } else {
            session.quit(&self.timeouts).await;
        }
    }

    /// The connection that was used last, without those that have been idle for too long.
    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|session| session.used_at.elapsed() < IDLE_MAX);
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
