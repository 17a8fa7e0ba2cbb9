//! Web Push: one encrypted POST to each of a person's browsers, by way of its own push service (RFC 8030).

use std::fmt;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Channel, Contact, Fault, Message, Outcome, Report, Skip, Subscription, Try};
use eventcenter_core::event::Level;
use futures_util::future::{BoxFuture, join_all};
use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use jiff::Timestamp;
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect};
use url::Url;

use crate::Deliver;

mod authorization;
mod encryption;
mod endpoint;
mod guard;
mod payload;
mod response;
mod subscription;
mod vapid;

pub use endpoint::{ENDPOINT_MAX, Endpoint, EndpointPolicy, InvalidEndpoint};
pub use subscription::{InvalidSubscription, PushSubscription};
pub use vapid::{InvalidSubject, InvalidVapidKey, SUBJECT_MAX, Subject, VapidKey, VapidKeys};

use authorization::{Authorizations, NotAuthorized};
use encryption::EncryptionError;
use endpoint::PushService;
use guard::Guard;
use response::Answer;

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");

/// The longest that a message may wait at a push service: FCM refuses more. A longer life is cut to this.
const TTL_MAX: Duration = Duration::from_hours(28 * 24);
/// A connection that takes longer to establish is given up, and the try with it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection in use that has been silent for this long is asked whether it lives, and dropped if no answer comes
/// within as long again: a dead one would cost every push over it its whole timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Idle connections kept per push service; those beyond it are closed. With HTTP/2 one is enough.
const IDLE_CONNECTIONS_MAX: usize = 4;
/// How much of a refusal's body is read, in bytes: the rest is dropped unread.
const REASON_MAX: usize = 1024;

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
    /// Certificate authorities to trust besides the system's, in PEM: for a push service of one's own.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// How long one push may take, connection and answer included. Must be well under the 30 s of a lease.
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
}

/// The push channel. One client for all: its connections are shared between messages.
pub struct Push {
    client: Client,
    authorizations: Authorizations,
    app_url: Url,
    endpoint_policy: EndpointPolicy,
}

/// Why a request could not even be made.
#[derive(Debug, thiserror::Error)]
enum Unsendable {
    #[error("endpoint {0}")]
    Endpoint(#[from] InvalidEndpoint),
    #[error(transparent)]
    Authorization(#[from] NotAuthorized),
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
}

/// What all targets of a message have in common.
struct Notice {
    plaintext: Vec<u8>,
    topic: String,
    urgency: &'static str,
    expires_in: Option<Duration>,
}

impl Push {
    /// Sets up the client; connects to nothing yet.
    pub fn new(config: PushConfig) -> Result<Self, PushSetupError> {
        let PushConfig { keys, subject, app_url, endpoint_policy, extra_ca_pem, timeout } = config;
        let is_usable = matches!(app_url.scheme(), "http" | "https")
            && app_url.join(payload::FALLBACK).is_ok_and(|url| url.as_str().len() <= payload::NAVIGATE_MAX);
        if !is_usable {
            return Err(PushSetupError::AppUrl(app_url));
        }
        let extra_authorities = match extra_ca_pem {
            Some(pem) => Certificate::from_pem_bundle(&pem)?,
            None => Vec::new(),
        };
        let client = Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Guard(endpoint_policy))
            .tls_certs_merge(extra_authorities)
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http2_keep_alive_timeout(KEEP_ALIVE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build()?;
        Ok(Self { client, authorizations: Authorizations::new(keys, subject), app_url, endpoint_policy })
    }

    async fn attempt(&self, target: &Subscription, notice: &Notice) -> Try {
        let started = Instant::now();
        let (outcome, code) = match self.request(target, notice) {
            Ok((endpoint, request)) => self.send(target, &endpoint, request).await,
            Err(error) => {
                tracing::warn!(subscription = %target.id, %error, "a push could not be made");
                (error.outcome(), None)
            }
        };
        Try { target: target.id.to_string(), outcome, code, took: started.elapsed() }
    }

    /// Checks the endpoint once more, since the policy may be stricter than when it was stored, and encrypts.
    fn request(&self, target: &Subscription, notice: &Notice) -> Result<(Endpoint, RequestBuilder), Unsendable> {
        let endpoint = Endpoint::parse(&target.endpoint, self.endpoint_policy)?;
        let authorization = self.authorizations.header(&target.vapid_key_id, endpoint.origin(), Timestamp::now())?;
        let body = encryption::encrypt(&target.p256dh, &target.auth, &notice.plaintext)?;
        let ttl = ttl(notice.expires_in.unwrap_or(target.ttl), endpoint.service());
        let request = self
            .client
            .post(endpoint.url().clone())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(TTL, ttl.as_secs())
            .header(URGENCY, notice.urgency)
            .header(TOPIC, &notice.topic)
            .body(body);
        Ok((endpoint, request))
    }

    async fn send(
        &self,
        target: &Subscription,
        endpoint: &Endpoint,
        request: RequestBuilder,
    ) -> (Outcome, Option<String>) {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let fault = if error.is_timeout() { Fault::Timeout } else { Fault::Unreachable };
                let error = error.without_url();
                tracing::debug!(subscription = %target.id, ?endpoint, ?error, "no answer to a push");
                return (Outcome::Retry { fault, after: None }, None);
            }
        };
        let code = response.status().as_str().to_owned();
        (self.judge(target, endpoint, response).await, Some(code))
    }

    async fn judge(&self, target: &Subscription, endpoint: &Endpoint, response: Response) -> Outcome {
        let (status, headers) = (response.status(), response.headers().clone());
        let reason = if status.is_success() { String::new() } else { reason(response).await };
        let answer = Answer { service: endpoint.service(), status, headers: &headers, reason: &reason };
        let outcome = answer.outcome(Timestamp::now());
        match outcome {
            // Everyday events: `attempts` and the metrics tell of them.
            Outcome::Sent
            | Outcome::Failed(Fault::Gone)
            | Outcome::Retry { fault: Fault::Throttled | Fault::ProviderError, .. } => {}
            Outcome::Retry { fault: Fault::Unauthorized, .. } => {
                self.authorizations.forget(&target.vapid_key_id, endpoint.origin());
                tracing::error!(subscription = %target.id, ?endpoint, ?answer, "a push service refuses our VAPID key");
            }
            Outcome::Retry { .. } | Outcome::Failed(_) | Outcome::Skipped(_) | Outcome::Canceled => {
                tracing::error!(subscription = %target.id, ?endpoint, ?answer, "a push service refuses a push");
            }
        }
        outcome
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
            match Notice::of(message, &self.app_url) {
                Ok(notice) => {
                    Report { tries: join_all(targets.iter().map(|target| self.attempt(target, &notice))).await }
                }
                Err(error) => {
                    tracing::error!(event = %message.event.id, %error, "the payload of a push could not be written");
                    Try::overall(Outcome::Failed(Fault::Crashed)).into()
                }
            }
        })
    }
}

impl Notice {
    fn of(message: &Message, app_url: &Url) -> Result<Self, serde_json::Error> {
        let topic = payload::tag(&message.event);
        Ok(Self {
            plaintext: payload::plaintext(&message.event, &topic, app_url)?,
            topic,
            urgency: urgency(message.event.level),
            expires_in: message.timing.expires_in,
        })
    }
}

impl Unsendable {
    fn outcome(&self) -> Outcome {
        let retry = |fault| Outcome::Retry { fault, after: None };
        match self {
            Self::Endpoint(_) | Self::Encryption(EncryptionError::BadPoint | EncryptionError::BadAuth) => {
                Outcome::Failed(Fault::BadTarget)
            }
            Self::Encryption(EncryptionError::TooLong(_)) => Outcome::Failed(Fault::TooLarge),
            // An operator can still bring the key back.
            Self::Authorization(NotAuthorized::UnknownKey) => retry(Fault::Unauthorized),
            Self::Authorization(NotAuthorized::Signing(_) | NotAuthorized::Claims(_) | NotAuthorized::Header(_))
            | Self::Encryption(EncryptionError::Crypto(_)) => retry(Fault::Crashed),
        }
    }
}

/// How long a push service keeps a message for a browser that is offline. WNS refuses 0.
fn ttl(life: Duration, service: PushService) -> Duration {
    let least = match service {
        PushService::Microsoft => Duration::from_secs(1),
        PushService::Google | PushService::Mozilla | PushService::Apple | PushService::Other => Duration::ZERO,
    };
    life.clamp(least, TTL_MAX)
}

/// What a device may spend on it (RFC 8030 §5.3): `high` wakes a sleeping phone.
const fn urgency(level: Level) -> &'static str {
    match level {
        Level::Info | Level::Warning => "normal",
        Level::Error | Level::Critical => "high",
    }
}

/// The beginning of a refusal's body. What cannot be read is no reason.
async fn reason(mut response: Response) -> String {
    let mut text = Vec::new();
    while text.len() < REASON_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        text.extend_from_slice(&chunk);
    }
    text.truncate(REASON_MAX);
    String::from_utf8_lossy(&text).into_owned()
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("authorizations", &self.authorizations).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
