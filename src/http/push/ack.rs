//! What browsers tell of the pushes that reached them. Without a login: a service worker has none, and the token that the
//! push carried says enough.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::delivery::Engagement;
use eventcenter_core::id::EventId;
use eventcenter_core::metrics::PUSH_ACKS;
use eventcenter_workers::push::AckKeys;
use metrics::counter;
use utoipa::ToSchema;
use uuid::Uuid;

use super::setup;
use crate::http::form::Form;
use crate::http::{Api, Json};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest acknowledgement, in bytes. A larger one is refused.
const ACK_BYTES_MAX: usize = 1024;
/// Acknowledgements of one browser in one [`WINDOW`]; a further one is answered 429. Only who holds a token can say one
/// too many: others are refused before anything is counted or asked of the database.
const ACKS_MAX: u32 = 240;
const WINDOW: Duration = Duration::from_mins(1);
/// Browsers counted at once. When there are more, all counts begin anew.
const COUNTED_MAX: usize = 100_000;

/// That a push was displayed, or clicked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: Form reads the fields")]
pub(in crate::http) struct Acknowledgement {
    /// The push's `ack.token`.
    #[schema(min_length = 64, max_length = 64)]
    token: String,
    /// `displayed` or `clicked`.
    engagement: String,
}

/// Tell that a push was displayed or clicked, as often as you like
#[utoipa::path(post, path = "/api/push/ack", tag = "push", security(()), request_body = Acknowledgement,
    responses(
        (status = 204, description = "It is known, whether it was before or not"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 404, description = "Web Push is not set up", body = ProblemDocument),
        (status = 413, description = "Larger than 1 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 429, description = "The browser says more than anybody reads: later", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::http) async fn acknowledge(
    State(api): State<Api>,
    body: Json<ACK_BYTES_MAX>,
) -> Result<StatusCode, Problem> {
    let setup = setup(&api)?;
    let read = read(Form::from_json(body.value)?, &setup.acks);
    let (event, subscription, engagement) = read.inspect_err(|_| count("invalid"))?;
    if !setup.ack_rate.admits(subscription, Instant::now()) {
        count("limited");
        return Err(Problem::new(Code::RateLimited, "too many acknowledgements of one browser; try again later"));
    }
    let is_new = api.store.engage(event, subscription, engagement).await?;
    count(if is_new { engagement.as_str() } else { "repeated" });
    Ok(StatusCode::NO_CONTENT)
}

fn read(mut form: Form, acks: &AckKeys) -> Result<(EventId, Uuid, Engagement), Problem> {
    let about = form.text("token", "is none that a push carried", |text| acks.verify(text));
    let engagement = form.text("engagement", "must be displayed or clicked", |text| {
        Engagement::ALL.iter().copied().find(|one| one.as_str() == text)
    });
    let (event, subscription) = form.finish_with("token", about)?;
    let engagement = engagement.ok_or_else(|| Problem::field("engagement", "is required"))?;
    Ok((event, subscription, engagement))
}

fn count(result: &'static str) {
    counter!(PUSH_ACKS, "result" => result).increment(1);
}

/// How many acknowledgements each browser sent lately.
#[derive(Debug, Default)]
pub(super) struct AckRate(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    since: Option<Instant>,
    of: HashMap<Uuid, u32>,
}

impl AckRate {
    /// Whether one more is within the rate; it counts.
    fn admits(&self, subscription: Uuid, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = counts.since.is_none_or(|since| now.duration_since(since) >= WINDOW);
        if is_over || counts.of.len() >= COUNTED_MAX {
            *counts = Counts { since: Some(now), of: HashMap::new() };
        }
        let count = counts.of.entry(subscription).or_default();
        *count = count.saturating_add(1);
        *count <= ACKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_browser_can_say_too_much_and_another_does_not_suffer() {
        let (rate, now) = (AckRate::default(), Instant::now());
        let [loud, quiet] = [1, 2].map(Uuid::from_u128);

        assert_eq!((0..1000).filter(|_| rate.admits(loud, now)).count(), 240);
        assert!(rate.admits(quiet, now));
        assert!(rate.admits(loud, now + WINDOW));
    }

    #[test]
    fn no_more_browsers_are_counted_than_the_bound() {
        let (rate, now) = (AckRate::default(), Instant::now());

        assert!((0..=100_000).all(|number| rate.admits(Uuid::from_u128(number), now)));

        assert_eq!(rate.0.lock().unwrap().of.len(), 1);
    }
}
