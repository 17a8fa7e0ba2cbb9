//! One try at one browser: asked for at most three times, since a fresh token or a shorter message may be all it takes.

use std::error::Error;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Fault, Message, Outcome, Subscription, Try};
use eventcenter_core::event::{Event, Level};
use eventcenter_core::metrics::PUSH_ANSWERS;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use metrics::counter;
use reqwest::{RequestBuilder, Response};

use super::authorization::NotAuthorized;
use super::encryption::{self, EncryptionError};
use super::endpoint::{Endpoint, InvalidEndpoint, PushService};
use super::guard::NoAllowedAddress;
use super::origins::PutOff;
use super::payload::{self, Size};
use super::response::Answer;
use super::{Push, TTL_MAX};

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");

/// How much of a refusal's body is read, in bytes: the rest is dropped unread.
const REASON_MAX: usize = 1024;

/// What all targets of a message have in common.
pub(super) struct Notice<'a> {
    event: &'a Event,
    topic: String,
    urgency: &'static str,
    expires_in: Option<Duration>,
}

/// A message for one browser.
#[derive(Clone, Copy)]
pub(super) struct Parcel<'a> {
    pub(super) notice: &'a Notice<'a>,
    pub(super) target: &'a Subscription,
    pub(super) endpoint: &'a Endpoint,
}

/// Why a request could not even be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error("endpoint {0}")]
    Endpoint(#[from] InvalidEndpoint),
    #[error(transparent)]
    Authorization(#[from] NotAuthorized),
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    #[error("the payload could not be written: {0}")]
    Payload(#[from] serde_json::Error),
}

/// What a push service said, or what took its place.
struct Said {
    outcome: Outcome,
    code: Option<String>,
}

impl<'a> Notice<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self {
            event: &message.event,
            topic: payload::tag(&message.event),
            urgency: urgency(message.event.level),
            expires_in: message.timing.expires_in,
        }
    }
}

impl Push {
    pub(super) async fn attempt(&self, target: &Subscription, notice: &Notice<'_>) -> Try {
        let started = Instant::now();
        let Said { outcome, code } = self.reach(target, notice).await.unwrap_or_else(|error| {
            tracing::warn!(subscription = %target.id, %error, "a push could not be made");
            Said { outcome: error.outcome(), code: None }
        });
        Try { target: target.id.to_string(), outcome, code, took: started.elapsed() }
    }

    /// Checks the endpoint once more, since the policy may be stricter than when it was stored, and asks its origin
    /// unless that is to be left alone.
    async fn reach(&self, target: &Subscription, notice: &Notice<'_>) -> Result<Said, Unsendable> {
        let endpoint = Endpoint::parse(&target.endpoint, self.guard.policy)?;
        let pass = match self.origins.admit(&endpoint, self.timeout).await {
            Ok(pass) => pass,
            Err(PutOff(wait)) => {
                let outcome = Outcome::Retry { fault: Fault::Paused, after: Some(wait) };
                count(&endpoint, outcome);
                return Ok(Said { outcome, code: None });
            }
        };
        let asked = tokio::time::timeout(self.timeout, self.ask(Parcel { notice, target, endpoint: &endpoint })).await;
        let said = asked.unwrap_or_else(|_elapsed| {
            let outcome = Outcome::Retry { fault: Fault::Timeout, after: None };
            count(&endpoint, outcome);
            Ok(Said { outcome, code: None })
        });
        said.map(|said| Said { outcome: pass.conclude(said.outcome), ..said })
    }

    /// Asks again with a fresh token when ours is refused, and with a stub when the message is too large; once each.
    async fn ask(&self, parcel: Parcel<'_>) -> Result<Said, Unsendable> {
        let key_id = &parcel.target.vapid_key_id;
        let origin = || parcel.endpoint.origin();
        let mut size = Size::Whole;
        let mut authorization = self.authorizations.header(key_id, origin(), Timestamp::now())?;
        let mut is_fresh = false;
        loop {
            let said = parcel.post(self.request(parcel, size, authorization.clone())?).await;
            match said.outcome {
                Outcome::Failed(Fault::Unauthorized) if !is_fresh => {
                    is_fresh = true;
                    authorization = self.authorizations.renewed(key_id, origin(), &authorization, Timestamp::now())?;
                }
                Outcome::Failed(Fault::TooLarge) if size == Size::Whole => size = Size::Stub,
                Outcome::Sent
                | Outcome::Retry { .. }
                | Outcome::Failed(_)
                | Outcome::Skipped(_)
                | Outcome::Canceled => return Ok(said),
            }
        }
    }

    pub(super) fn request(
        &self,
        parcel: Parcel<'_>,
        size: Size,
        authorization: HeaderValue,
    ) -> Result<RequestBuilder, Unsendable> {
        let Parcel { notice, target, endpoint } = parcel;
        let token = self.acks.token(notice.event.id, target.id);
        let plaintext = payload::plaintext(notice.event, &notice.topic, &self.app_url, &token, size)?;
        let body = encryption::encrypt(&target.p256dh, &target.auth, &plaintext)?;
        let ttl = ttl(notice.expires_in.unwrap_or(target.ttl), endpoint.service());
        Ok(self
            .client
            .post(endpoint.url().clone())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(TTL, ttl.as_secs())
            .header(URGENCY, notice.urgency)
            .header(TOPIC, &notice.topic)
            .body(body))
    }
}

impl Parcel<'_> {
    async fn post(self, request: RequestBuilder) -> Said {
        let said = match request.send().await {
            Ok(response) => {
                let code = Some(response.status().as_str().to_owned());
                Said { outcome: self.judge(response).await, code }
            }
            Err(error) => {
                let outcome = unanswered(&error);
                let error = error.without_url();
                tracing::debug!(subscription = %self.target.id, endpoint = ?self.endpoint, ?error, "no answer to a push");
                Said { outcome, code: None }
            }
        };
        count(self.endpoint, said.outcome);
        said
    }

    async fn judge(self, response: Response) -> Outcome {
        let (status, headers) = (response.status(), response.headers().clone());
        let reason = if status.is_success() { String::new() } else { reason(response).await };
        let answer = Answer { service: self.endpoint.service(), status, headers: &headers, reason: &reason };
        let outcome = answer.outcome(Timestamp::now());
        if is_alarming(outcome) {
            // WNS says in headers what it does not say in the body.
            let wns = headers.get("x-wns-error-description").or_else(|| headers.get("x-wns-status"));
            let (id, endpoint) = (self.target.id, self.endpoint);
            tracing::error!(subscription = %id, ?endpoint, %status, reason, ?wns, "a push service refuses a push");
        }
        outcome
    }
}

/// The rest are everyday events, of which `attempts` and the metrics tell.
const fn is_alarming(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Sent
        | Outcome::Failed(Fault::Gone | Fault::TooLarge)
        | Outcome::Retry { .. }
        | Outcome::Skipped(_)
        | Outcome::Canceled => false,
        Outcome::Failed(_) => true,
    }
}

fn count(endpoint: &Endpoint, outcome: Outcome) {
    let result = outcome.reason().unwrap_or(outcome.as_str());
    counter!(PUSH_ANSWERS, "service" => endpoint.service().as_str(), "result" => result).increment(1);
}

/// A host with no address that may be dialled will not get one by waiting; everything else may pass.
fn unanswered(error: &reqwest::Error) -> Outcome {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<NoAllowedAddress>() {
            return Outcome::Failed(Fault::BadTarget);
        }
        cause = one.source();
    }
    let fault = if error.is_timeout() { Fault::Timeout } else { Fault::Unreachable };
    Outcome::Retry { fault, after: None }
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
            Self::Payload(_) => Outcome::Failed(Fault::Crashed),
            Self::Authorization(NotAuthorized::Signing(_) | NotAuthorized::Claims(_) | NotAuthorized::Header(_))
            | Self::Encryption(EncryptionError::Crypto(_)) => retry(Fault::Crashed),
        }
    }
}

/// How long a push service keeps a message for a browser that is offline. WNS refuses 0.
pub(super) fn ttl(life: Duration, service: PushService) -> Duration {
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
