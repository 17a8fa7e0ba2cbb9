//! `POST /events`: one event, or an array of them.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use eventcenter_core::delivery::Channel;
use eventcenter_core::event::{ChannelHint, Cta, InvalidEvent, InvalidField, Level, NewEvent};
use eventcenter_core::metrics::EMITTED;
use eventcenter_core::store::Verdict;
use futures_util::future::join_all;
use metrics::counter;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::extract::too_large;
use super::layers::RequestId;
use super::{Api, Json, Service};
use crate::committer::Intake;
use crate::problem::{Code, Problem, ProblemDocument};

/// Events in one array. More is refused, and nothing of it stored.
const EVENTS_MAX: usize = 500;
/// Largest single event, in bytes. Room for one at all its bounds with every character written as `\u0416`.
const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Largest array, in bytes: 500 events of 16 KiB. Larger events go in smaller arrays.
const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Names a single event that has no `id` of its own.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An event, as a service asks for it.
#[derive(ToSchema)]
#[schema(as = NewEvent)]
#[expect(dead_code, reason = "only its schema is used: NewEvent::from_json reads the fields")]
pub(super) struct EventBody {
    /// Your own name for it, or your idempotency key: emitted again under the same, it is the same event.
    #[schema(min_length = 1, max_length = 255)]
    id: Option<String>,
    /// Who should know.
    #[schema(minimum = 1)]
    user_id: i64,
    /// What kind of thing it is.
    #[schema(pattern = "^[a-z0-9_.-]{1,64}$")]
    r#type: String,
    /// One line.
    #[schema(min_length = 1, max_length = 256)]
    title: String,
    /// At most 16 KiB of UTF-8.
    body: String,
    /// How much it matters; `info` unless given.
    level: Option<Level>,
    /// Where to send it. Without it, `channel_hint` decides, else the type.
    #[schema(min_items = 1, max_items = 3)]
    channels: Option<Vec<Channel>>,
    /// Must not contradict `channels`.
    channel_hint: Option<ChannelHint>,
    /// The one thing to do about it.
    cta: Option<Cta>,
    /// Your own object, passed through: at most 32 KiB.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// Not before; at most 90 days ahead.
    #[schema(format = DateTime)]
    deliver_at: Option<String>,
    /// Not after; later than `deliver_at`.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// On a device, replaces what came before with the same key.
    #[schema(min_length = 1, max_length = 255)]
    collapse_key: Option<String>,
}

/// One event, or an array of at most 500.
#[derive(ToSchema)]
#[schema(as = EmitRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum EmitBody {
    One(Box<EventBody>),
    Many(Vec<EventBody>),
}

/// The event is stored, and its deliveries are planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// What the event is called: your own id, or `evt_…`.
    id: String,
    /// It was stored before; nothing new is sent.
    duplicate: bool,
}

/// What became of an array, event by event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Results {
    /// In the order of the array.
    results: Vec<IndexedResult>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IndexedResult {
    /// The event's place in the array, from 0.
    index: usize,
    #[serde(flatten)]
    result: EmitResult,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EmitResult {
    Accepted(Accepted),
    Refused { error: ProblemDocument },
}

/// Emit one event, or up to 500
///
/// Answers once the events are stored. Of an array, one bad event does not fail its neighbours, and those for one person
/// are stored in its order.
#[utoipa::path(post, path = "/events", tag = "events", security(("service_key" = [])), request_body = EmitBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names a single event that has no `id`.")),
    responses(
        (status = 202, description = "`{id, duplicate}`; for an array `{results: [{index, …}]}`", body = EmitAnswer),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 409, description = "Somebody is writing the same id: try again", body = ProblemDocument),
        (status = 413, description = "Larger than 256 KiB, or 8 MiB for an array", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 422, description = "The id belongs to another event", body = ProblemDocument),
        (status = 429, description = "Too many events wait: try again", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn post_events(
    _: Service,
    State(api): State<Api>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    IdempotencyKeys(keys): IdempotencyKeys,
    Json { value, len }: Json<EVENTS_BYTES_MAX>,
) -> Result<Response, Problem> {
    let answer = if let Value::Array(events) = value {
        EmitAnswer::Many(emit_many(&api, &keys, events, &request_id).await?)
    } else {
        let event = named(value, &keys)?;
        if len > EVENT_BYTES_MAX {
            let errors = NewEvent::from_json(&event).err().map(|InvalidEvent(errors)| errors);
            return Err(Problem { errors: errors.unwrap_or_default(), ..too_large(EVENT_BYTES_MAX) });
        }
        EmitAnswer::One(emit(api.committer.intake(), &event).await?)
    };
    Ok((StatusCode::ACCEPTED, axum::Json(answer)).into_response())
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum EmitAnswer {
    One(Accepted),
    Many(Results),
}

/// The values of that header; there should be one or none. Alone, since a copy of all headers costs every emit.
pub(super) struct IdempotencyKeys(Vec<HeaderValue>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKeys {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(IDEMPOTENCY_KEY).into_iter().cloned().collect()))
    }
}

/// The event with the id that the header gives it.
fn named(mut event: Value, keys: &[HeaderValue]) -> Result<Value, Problem> {
    let fault = |message: &str| Err(Problem::field("Idempotency-Key", message));
    let Some((key, others)) = keys.split_first() else { return Ok(event) };
    let (Ok(key), []) = (key.to_str(), others) else {
        return fault("must be one header of visible ASCII");
    };
    if let Some(fields) = event.as_object_mut() {
        let id = fields.entry("id").or_insert(Value::Null);
        if id.is_null() {
            *id = key.into();
        } else if id != key {
            return fault("contradicts id: leave one of them out");
        }
    }
    Ok(event)
}

async fn emit_many(api: &Api, keys: &[HeaderValue], events: Vec<Value>, request_id: &str) -> Result<Results, Problem> {
    if !keys.is_empty() {
        return Err(Problem::field("Idempotency-Key", "names a single event: in an array, give each event an id"));
    }
    if !(1..=EVENTS_MAX).contains(&events.len()) {
        return Err(Problem::field("events", format!("must be 1 to {EVENTS_MAX} at a time, and not {}", events.len())));
    }
    let intake = api.committer.intake();
    let results = join_all(events.iter().map(|event| emit(intake, event))).await;
    if let Some(problem) = nothing_but_trouble_of_ours(&results) {
        return Err(problem.clone());
    }
    let indexed = results.into_iter().enumerate().map(|(index, result)| {
        let result = match result {
            Ok(accepted) => EmitResult::Accepted(accepted),
            Err(problem) => EmitResult::Refused { error: problem.document(request_id) },
        };
        IndexedResult { index, result }
    });
    Ok(Results { results: indexed.collect() })
}

/// When we took none of the events, and for no fault of theirs, the request as a whole has failed: its status and
/// Retry-After then tell every client to send it again.
fn nothing_but_trouble_of_ours(results: &[Result<Accepted, Problem>]) -> Option<&Problem> {
    let is_ours = |problem: &&Problem| matches!(problem.code, Code::QueueFull | Code::DatabaseUnavailable);
    let troubles: Option<Vec<&Problem>> = results.iter().map(|one| one.as_ref().err().filter(is_ours)).collect();
    troubles?.first().copied()
}

async fn emit(intake: Intake<'_>, event: &Value) -> Result<Accepted, Problem> {
    let (verdict, result) = match NewEvent::from_json(event) {
        Err(InvalidEvent(errors)) => ("invalid", Err(Problem::fields(errors))),
        Ok(event) => store(intake, event).await,
    };
    counter!(EMITTED, "verdict" => verdict).increment(1);
    result
}

/// Stores the event; the verdict as the metric calls it, and the answer.
async fn store(intake: Intake<'_>, event: NewEvent) -> (&'static str, Result<Accepted, Problem>) {
    let emitted = match intake.emit(event).await.map_err(Problem::from) {
        Ok(emitted) => emitted,
        Err(problem) => {
            let verdict = if problem.code == Code::InvalidRequest { "invalid" } else { "rejected" };
            return (verdict, Err(problem));
        }
    };
    let id = emitted.id.to_string();
    match emitted.verdict {
        Verdict::New => ("new", Ok(Accepted { id, duplicate: false })),
        Verdict::Duplicate => ("duplicate", Ok(Accepted { id, duplicate: true })),
        Verdict::Conflict => {
            let message = "belongs to an event that says something else";
            let errors = vec![InvalidField { field: "id".to_owned(), message: message.to_owned() }];
            ("conflict", Err(Problem { errors, ..Problem::new(Code::KeyReused, format!("id {id} {message}")) }))
        }
        Verdict::Busy => {
            ("busy", Err(Problem::new(Code::KeyBusy, format!("somebody is writing an event with id {id}; try again"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(values: &[&str]) -> Vec<HeaderValue> {
        values.iter().map(|value| value.parse().unwrap()).collect()
    }

    #[test]
    fn the_header_names_an_event_without_an_id() {
        assert_eq!(named(json!({"id": null}), &keys(&["k1"])), Ok(json!({"id": "k1"})));
        assert_eq!(named(json!({"id": "k1"}), &keys(&["k1"])), Ok(json!({"id": "k1"})));
        assert_eq!(named(json!({}), &keys(&[])), Ok(json!({})));
    }

    #[test]
    fn a_header_that_contradicts_is_refused() {
        for given in [keys(&["k2"]), keys(&["k1", "k1"]), keys(&["ключ"])] {
            let problem = named(json!({"id": "k1"}), &given).unwrap_err();

            assert_eq!((problem.code, &*problem.errors[0].field), (Code::InvalidRequest, "Idempotency-Key"));
        }
    }

    #[test]
    fn an_array_fails_as_a_whole_only_when_all_of_it_may_be_sent_again() {
        let away = || Err(Problem::new(Code::DatabaseUnavailable, "away"));
        let bad = || Err(Problem::field("title", "is required"));
        let good = || Ok(Accepted { id: "evt_1".to_owned(), duplicate: false });

        assert!(nothing_but_trouble_of_ours(&[away(), away()]).is_some());
        assert!(nothing_but_trouble_of_ours(&[away(), bad()]).is_none());
        assert!(nothing_but_trouble_of_ours(&[away(), good()]).is_none());
    }
}
