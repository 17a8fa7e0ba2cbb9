//! What a push service's answer means. Pure: every vendor's habits in one table.

use std::time::Duration;

use eventcenter_core::delivery::{Fault, Outcome};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::endpoint::PushService;

/// The longest wait that is taken from a push service. A longer one is cut to this: it is past every schedule anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
/// Apple's reasons for a 400 that are about our credentials and not about the message.
const APPLE_CREDENTIALS: [&str; 2] = ["VapidPkHashMismatch", "BadJwtToken"];

/// A push service's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) service: PushService,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The beginning of the body.
    pub(super) reason: &'a str,
}

impl Answer<'_> {
    /// What it means for this target. A subscription is given up for [`Fault::Gone`] alone: 401 and 403 are about our
    /// key, and deleting for them would lose every subscription to one wrong setting. They count once a fresh token was
    /// refused, too.
    pub(super) fn outcome(&self, now: Timestamp) -> Outcome {
        let retry = |fault| Outcome::Retry { fault, after: self.retry_after(now) };
        match self.status.as_u16() {
            200..=299 => Outcome::Sent,
            400 if self.is_about_credentials() => Outcome::Failed(Fault::Unauthorized),
            401 | 403 => Outcome::Failed(Fault::Unauthorized),
            404 | 410 => Outcome::Failed(Fault::Gone),
            // WNS throttles by 406.
            406 if self.service == PushService::Microsoft => retry(Fault::Throttled),
            413 => Outcome::Failed(Fault::TooLarge),
            429 => retry(Fault::Throttled),
            500..=599 => retry(Fault::ProviderError),
            // Redirects among them: following one would lead past every check of the endpoint.
            _ => Outcome::Failed(Fault::Refused),
        }
    }

    fn is_about_credentials(&self) -> bool {
        self.service == PushService::Apple && APPLE_CREDENTIALS.iter().any(|reason| self.reason.contains(reason))
    }

    /// Seconds or an HTTP date (RFC 9110 §10.2.3). `None` for anything else, as if it were not there.
    fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_not_seconds) => {
                let date = DateTimeParser::new().parse_timestamp(text).ok()?;
                Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
            }
        };
        Some(wait.min(RETRY_AFTER_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    fn outcome(service: PushService, status: u16, reason: &str) -> Outcome {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { service, status, headers: &HeaderMap::new(), reason }.outcome(now())
    }

    fn wait(retry_after: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())]);
        let answer = Answer {
            service: PushService::Google,
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: &headers,
            reason: "",
        };
        let Outcome::Retry { fault: Fault::Throttled, after } = answer.outcome(now()) else { panic!("{answer:?}") };
        after
    }

    #[test]
    fn every_status_has_its_outcome() {
        const fn retry(fault: Fault) -> Outcome {
            Outcome::Retry { fault, after: None }
        }
        for (status, expected) in [
            (200, Outcome::Sent),
            (201, Outcome::Sent),
            (202, Outcome::Sent),
            (301, Outcome::Failed(Fault::Refused)),
            (307, Outcome::Failed(Fault::Refused)),
            (400, Outcome::Failed(Fault::Refused)),
            (401, Outcome::Failed(Fault::Unauthorized)),
            (403, Outcome::Failed(Fault::Unauthorized)),
            (404, Outcome::Failed(Fault::Gone)),
            (406, Outcome::Failed(Fault::Refused)),
            (410, Outcome::Failed(Fault::Gone)),
            (413, Outcome::Failed(Fault::TooLarge)),
            (418, Outcome::Failed(Fault::Refused)),
            (429, retry(Fault::Throttled)),
            (500, retry(Fault::ProviderError)),
            (503, retry(Fault::ProviderError)),
        ] {
            assert_eq!(outcome(PushService::Mozilla, status, ""), expected, "{status}");
        }
    }

    #[test]
    fn vendors_have_their_own_words() {
        let unauthorized = Outcome::Failed(Fault::Unauthorized);
        let mismatch = r#"{"reason":"VapidPkHashMismatch"}"#;

        assert_eq!(outcome(PushService::Microsoft, 406, ""), Outcome::Retry { fault: Fault::Throttled, after: None });
        assert_eq!(outcome(PushService::Apple, 400, mismatch), unauthorized);
        assert_eq!(outcome(PushService::Apple, 400, r#"{"reason":"BadTtl"}"#), Outcome::Failed(Fault::Refused));
        assert_eq!(outcome(PushService::Other, 400, mismatch), Outcome::Failed(Fault::Refused));
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        assert_eq!(wait("30"), Some(Duration::from_secs(30)));
        assert_eq!(wait(" 0 "), Some(Duration::ZERO));
        assert_eq!(wait("Mon, 23 Nov 2026 09:02:00 GMT"), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 22 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_bounded_or_ignored() {
        assert_eq!(wait("99999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(wait("Thu, 01 Jan 2099 00:00:00 GMT"), Some(RETRY_AFTER_MAX));
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
    }
}
