//! Events that ask: what a person sees of one, their answer, and the service that waits for it.

use std::time::Duration;

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use eventcenter_core::event::{Choice, PlannedEvent};
use eventcenter_core::id::UserId;
use eventcenter_core::store::{Answer, Answered, Asked, Reply};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::extract::Segment;
use super::form::Form;
use super::{Api, Json, Person, Service};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest answer, in bytes: room for an option as long as `data` may be. A larger one is refused.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest answer in the person's own words, in bytes. A longer one is refused.
const TEXT_MAX: usize = 4096;
/// Longest that a request waits for an answer, in seconds. More is refused; less than a request may take.
const WAIT_MAX_S: u64 = 30;
/// How often a request that waits looks by itself: what a lost notification costs at most.
const LOOK: Duration = Duration::from_secs(5);
/// People who are named when an action is ambiguous. Further ones are left out.
const CANDIDATES_MAX: usize = 10;

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActionState {
    /// It waits for an answer.
    Open,
    /// It has its answer.
    Answered,
    /// It had none in time.
    Expired,
}

/// What a person needs to answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionContext {
    /// The name of the action: the event's `data.action_id`.
    action_id: String,
    /// Whether it can be answered.
    state: ActionState,
    /// What to choose from. Without any, the answer is a text.
    options: Vec<Choice>,
    /// The answer, once there is one.
    answer: Option<Answer>,
    /// The newest event that asks under this name.
    event: PlannedEvent,
}

/// `{"option": …}` where the action has options, else `{"text": …}`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: read_reply reads the fields")]
pub(super) struct AnswerRequest {
    /// The value of one of the options.
    option: Option<String>,
    /// One's own words: at most 4 KiB.
    #[schema(max_length = 4096)]
    text: Option<String>,
}

/// An answer and whose it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionAnswer {
    /// The name of the action.
    action_id: String,
    /// Who answered.
    #[schema(value_type = i64)]
    user_id: UserId,
    #[serde(flatten)]
    answer: Answer,
}

/// An action by its name, for the person it asks
#[utoipa::path(get, path = "/api/actions/{action_id}/context", tag = "actions",
    security(("user_token" = []), ("user_cookie" = [])),
    params(("action_id" = String, Path, description = "The event's `data.action_id`")),
    responses(
        (status = 200, body = ActionContext),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "Nothing asks this person under that name", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_action(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(action_id): Segment,
) -> Result<JsonAnswer<ActionContext>, Problem> {
    let Asked { planned, is_expired, answer } = find(&api, user_id, &action_id).await?;
    let state = match (&answer, is_expired) {
        (Some(_), _) => ActionState::Answered,
        (None, true) => ActionState::Expired,
        (None, false) => ActionState::Open,
    };
    Ok(JsonAnswer(ActionContext { action_id, state, options: planned.event.choices(), answer, event: planned }))
}

/// Answer an action: the first answer stands
#[utoipa::path(post, path = "/api/actions/{action_id}/answer", tag = "actions",
    security(("user_token" = []), ("user_cookie" = [])), request_body = AnswerRequest,
    params(("action_id" = String, Path, description = "The event's `data.action_id`")),
    responses(
        (status = 200, description = "The answer stands", body = ActionAnswer),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "Nothing asks this person under that name", body = ProblemDocument),
        (status = 409, description = "Answered before; `answer` is the one that stands", body = ProblemDocument),
        (status = 410, description = "The event has expired", body = ProblemDocument),
        (status = 413, description = "Larger than 64 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn answer_action(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(action_id): Segment,
    body: Json<ANSWER_BYTES_MAX>,
) -> Result<JsonAnswer<ActionAnswer>, Problem> {
    let asked = find(&api, user_id, &action_id).await?;
    let reply = read_reply(Form::from_json(body.value)?, &asked.planned.event.choices())?;
    match api.store.answer(user_id, &action_id, asked.planned.event.id, &reply).await? {
        Answered::Now(answer) => Ok(JsonAnswer(ActionAnswer { action_id, user_id, answer })),
        Answered::Before(answer) => {
            Err(Problem::new(Code::AlreadyAnswered, "the first answer stands: see answer")
                .with("answer", json!(answer)))
        }
        Answered::Expired => Err(Problem::new(Code::ActionExpired, "the time to answer is over")),
    }
}

/// The answer to an action, or a wait for it
#[utoipa::path(get, path = "/api/actions/{action_id}", tag = "actions", security(("service_key" = [])),
    params(
        ("action_id" = String, Path, description = "The event's `data.action_id`"),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for an answer; 0 unless given", maximum = 30),
        ("user_id" = Option<i64>, Query, description = "Who is asked, where several people are", minimum = 1),
    ),
    responses(
        (status = 200, body = ActionAnswer),
        (status = 204, description = "No answer yet: ask again"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 404, description = "Nobody is asked under that name", body = ProblemDocument),
        (status = 409, description = "Several people are: `candidates` names ten at most", body = ProblemDocument),
        (status = 429, description = "1,000 requests wait already: try again", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_answer(
    _: Service,
    State(api): State<Api>,
    Segment(action_id): Segment,
    mut form: Form,
) -> Result<Response, Problem> {
    let user_id = form.user_id();
    let wait = form.text("wait", "must be an integer from 0 to 30", |text| {
        text.parse().ok().filter(|seconds| *seconds <= WAIT_MAX_S)
    });
    form.finish()?;
    let user_id = only_person(&api, &action_id, user_id).await?;
    let wait = Duration::from_secs(wait.unwrap_or_default());
    Ok(match wait_for_answer(&api, user_id, &action_id, wait).await? {
        Some(answer) => JsonAnswer(ActionAnswer { action_id, user_id, answer }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn find(api: &Api, user_id: UserId, action_id: &str) -> Result<Asked, Problem> {
    api.store.find_action(user_id, action_id).await?.ok_or_else(|| Problem::not_found("action"))
}

/// The one person who is asked under this name.
async fn only_person(api: &Api, action_id: &str, user_id: Option<UserId>) -> Result<UserId, Problem> {
    let limit = i64::try_from(CANDIDATES_MAX).unwrap_or(i64::MAX);
    let people = api.store.people_of_action(action_id, user_id, limit).await?;
    match *people {
        [] => Err(Problem::not_found("action")),
        [only] => Ok(only),
        _ => Err(Problem::new(Code::AmbiguousAction, "several people are asked under this name: say user_id")
            .with("candidates", json!(people))),
    }
}

/// Waits until there is an answer, the time is up, or the process stops.
async fn wait_for_answer(
    api: &Api,
    user_id: UserId,
    action_id: &str,
    wait: Duration,
) -> Result<Option<Answer>, Problem> {
    if wait.is_zero() {
        return Ok(api.store.find_answer(user_id, action_id).await?);
    }
    let until = Instant::now() + wait;
    let waiter = api.waiters.enter(action_id).ok_or_else(|| {
        Problem::new(Code::TooManyWaiters, "this process has 1,000 requests that wait for answers; try again")
    })?;
    loop {
        // Before the look, so that an answer which comes right after it is heard.
        let answered = waiter.answered();
        let answer = api.store.find_answer(user_id, action_id).await?;
        let now = Instant::now();
        if answer.is_some() || now >= until || api.readiness.tasks.is_stopping() {
            return Ok(answer);
        }
        tokio::select! {
            () = answered => {}
            () = sleep_until(until.min(now + LOOK)) => {}
            () = api.readiness.tasks.stopping() => {}
        }
    }
}

fn read_reply(mut form: Form, options: &[Choice]) -> Result<Reply, Problem> {
    if options.is_empty() {
        let text = form.text("text", "must be a text of at most 4096 bytes", |text| {
            let is_text = text.len() <= TEXT_MAX && !text.trim().is_empty() && !text.contains('\0');
            is_text.then(|| text.to_owned())
        });
        return form.finish_with("text", text).map(Reply::Text);
    }
    let option = form.text("option", "must be the value of one of the action's options", |value| {
        options.iter().any(|option| option.value == value).then(|| value.to_owned())
    });
    form.finish_with("option", option).map(Reply::Option)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(body: Value, options: &[&str]) -> Result<Reply, Vec<String>> {
        let options: Vec<Choice> =
            options.iter().map(|value| Choice { value: (*value).to_owned(), label: "A label".to_owned() }).collect();
        let read = read_reply(Form::from_json(body).unwrap(), &options);
        read.map_err(|problem| problem.errors.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn an_answer_is_one_of_the_options_or_a_text_where_there_are_none() {
        assert_eq!(read(json!({"option": "yes"}), &["yes", "no"]), Ok(Reply::Option("yes".to_owned())));
        assert_eq!(read(json!({"text": "Perhaps"}), &[]), Ok(Reply::Text("Perhaps".to_owned())));
    }

    #[test]
    fn whatever_else_is_no_answer() {
        for (body, options, fields) in [
            (json!({"option": "A label"}), &["yes"][..], &["option"][..]),
            (json!({"option": 1}), &["1"], &["option"]),
            (json!({}), &["yes"], &["option"]),
            (json!({"text": "yes"}), &["yes"], &["option", "text"]),
            (json!({"option": "yes", "text": "yes"}), &["yes"], &["text"]),
            (json!({"option": "yes"}), &[], &["text", "option"]),
            (json!({"text": " "}), &[], &["text"]),
            (json!({"text": "a\0b"}), &[], &["text"]),
            (json!({"text": "x".repeat(4097)}), &[], &["text"]),
        ] {
            assert_eq!(read(body.clone(), options).unwrap_err(), fields, "{body}");
        }
    }
}
