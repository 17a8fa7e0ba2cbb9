//! Web Push: one encrypted POST to each of a person's browsers, by way of its own push service (RFC 8030).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Contact, Message, Outcome, Report, Skip, Subscription, Try};
use futures_util::future::{BoxFuture, join_all};
use reqwest::{Certificate, Client, redirect};
use url::Url;

use crate::Deliver;

mod ack;
mod attempt;
mod authorization;
mod encryption;
mod endpoint;
mod guard;
mod origins;
mod payload;
mod response;
mod subscription;
mod vapid;

pub use ack::{ACK_TOKEN_LEN, AckKeys};
pub use authorization::{Authorizations, NotAuthorized};
pub use encryption::{EncryptionError, PLAINTEXT_MAX, encrypt};
pub use endpoint::{ENDPOINT_MAX, Endpoint, EndpointPolicy, InvalidEndpoint};
pub use guard::FixedHosts;
pub use subscription::{InvalidSubscription, PushSubscription, SubscriptionRules, decode_base64};
pub use vapid::{InvalidSubject, InvalidVapidKey, SUBJECT_MAX, Subject, VapidKey, VapidKeys};

use attempt::Notice;
use guard::Guard;
use origins::Origins;

/// The longest that a message may wait at a push service: FCM refuses more. A longer life is cut to this.
const TTL_MAX: Duration = Duration::from_hours(28 * 24);
/// A connection that takes longer to establish is given up, and the try with it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection in use that has been silent for this long is asked whether it lives, and dropped if no answer comes
/// within as long again: a dead one would cost every push over it its whole timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Idle connections kept per push service; those beyond it are closed. With HTTP/2 one is enough.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// What [`Push`] needs to know.
#[derive(Debug)]
pub struct PushConfig {
    /// Who we are to push services.
    pub keys: VapidKeys,
    /// Whom they can write to.
    pub subject: Subject,
    /// What links are resolved against: http(s).
    pub app_url: Url,
    /// Where pushes may go.
    pub endpoint_policy: EndpointPolicy,
    /// Hosts with an address of the operator's choosing.
    pub fixed_hosts: FixedHosts,
    /// Certificate authorities to trust besides the system's, in PEM: for a push service of one's own.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// How long one push may take, everything included. Must be well under the 30 s of a lease.
    pub timeout: Duration,
}

/// Why the channel cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum PushSetupError {
    /// Not http(s), or so long that its links would not fit a payload.
    #[error("the app URL must be http or https and short enough to fit a push: {0}")]
    AppUrl(Url),
    /// `extra_ca_pem` is no PEM, or the system has no certificates.
    #[error("the client for push services could not be set up; does the system have ca-certificates?")]
    Client(#[from] reqwest::Error),
    /// The cryptography library cannot read back a key that it made.
    #[error("the VAPID keys cannot be used")]
    Keys(#[from] aws_lc_rs::error::Unspecified),
}

/// The push channel. One client for all: its connections are shared between messages.
pub struct Push {
    client: Client,
    authorizations: Authorizations,
    acks: AckKeys,
    origins: Origins,
    app_url: Url,
    guard: Guard,
    timeout: Duration,
}

impl Push {
    /// Sets up the client; connects to nothing yet.
    pub fn new(config: PushConfig) -> Result<Self, PushSetupError> {
        let PushConfig { keys, subject, app_url, endpoint_policy, fixed_hosts, extra_ca_pem, timeout } = config;
        let is_usable = matches!(app_url.scheme(), "http" | "https")
            && app_url.join(payload::FALLBACK).is_ok_and(|url| url.as_str().len() <= payload::STUB_NAVIGATE_MAX);
        if !is_usable {
            return Err(PushSetupError::AppUrl(app_url));
        }
        let extra_authorities = match extra_ca_pem {
            Some(pem) => Certificate::from_pem_bundle(&pem)?,
            None => Vec::new(),
        };
        let guard = Guard { policy: endpoint_policy, fixed: Arc::new(fixed_hosts) };
        let client = Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(guard.clone())
            .tls_certs_merge(extra_authorities)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http2_keep_alive_timeout(KEEP_ALIVE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build()?;
        Ok(Self {
            client,
            acks: AckKeys::new(&keys)?,
            authorizations: Authorizations::new(keys, subject),
            origins: Origins::default(),
            app_url,
            guard,
            timeout,
        })
    }
}

impl Deliver for Push {
    fn channel(&self) -> Channel {
        Channel::Push
    }

    /// Tries all targets at once; how many there are is bounded where subscriptions are stored.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let targets: &[Subscription] = match &message.contact {
                Contact::Push(targets) => targets,
                Contact::Email(_) | Contact::None => &[],
            };
            if targets.is_empty() {
                return Try::overall(Outcome::Skipped(Skip::NoSubscription)).into();
            }
            let notice = Notice::of(message);
            Report { tries: join_all(targets.iter().map(|target| self.attempt(target, &notice))).await }
        })
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("authorizations", &self.authorizations).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
