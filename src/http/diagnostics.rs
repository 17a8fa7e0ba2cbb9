//! A person's test of their own channels: a real event, all the way.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::delivery::Channel;
use eventcenter_core::event::{NewEvent, PublicId};
use eventcenter_core::id::{EventId, UserId};
use eventcenter_core::store::DeliveryState;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::Segment;
use super::form::Form;
use super::{Api, Json, Person};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest request for a test, in bytes. A larger one is refused.
const TEST_BYTES_MAX: usize = 4 * 1024;
/// The type of its events, as the database knows it.
const LOOPBACK: &str = "diagnostics.loopback";

/// Which channels to test.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: read_channels reads the field")]
pub(super) struct TestRequest {
    #[schema(min_items = 1, max_items = 3)]
    channels: Vec<Channel>,
}

/// The test is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Test {
    /// The id of its event: in the frame, the push and the mail.
    id: String,
    /// The server's clock: apart from half the request's time, the client's should say the same.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
}

/// How far a test has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestState {
    /// The id of its event.
    id: String,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// One per channel.
    deliveries: Vec<DeliveryState>,
}

/// Send oneself a test over some channels
#[utoipa::path(post, path = "/api/diagnostics/loopback", tag = "diagnostics",
    security(("user_token" = []), ("user_cookie" = [])), request_body = TestRequest,
    responses(
        (status = 202, description = "The event is stored", body = Test),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 413, description = "Larger than 4 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 429, description = "More than 6 a minute: try again", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn test_channels(
    Person(user_id): Person,
    State(api): State<Api>,
    body: Json<TEST_BYTES_MAX>,
) -> Result<(StatusCode, JsonAnswer<Test>), Problem> {
    let channels = read_channels(Form::from_json(body.value)?)?;
    if !api.store.admit_loopback(user_id).await? {
        return Err(Problem::new(Code::TooManyTests, "6 tests a minute are enough to tell; try again"));
    }
    let (title, body) = words(&api, user_id).await?;
    // Critical, because the person waits for it: neither quiet hours nor a digest may hold it back.
    let event = json!({
        "user_id": user_id, "type": LOOPBACK, "title": title, "body": body, "channels": channels, "level": "critical"
    });
    let event = NewEvent::from_json(&event).map_err(|error| Problem::internal(&error))?;
    let id = api.committer.emit(event).await?.id.to_string();
    Ok((StatusCode::ACCEPTED, JsonAnswer(Test { id, now: Timestamp::now() })))
}

/// How far one's test has come, channel by channel
#[utoipa::path(get, path = "/api/diagnostics/loopback/{id}", tag = "diagnostics",
    security(("user_token" = []), ("user_cookie" = [])),
    params(("id" = String, Path, description = "The id of the test's event")),
    responses(
        (status = 200, body = TestState),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "No such test of this person", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_test(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(id): Segment,
) -> Result<JsonAnswer<TestState>, Problem> {
    let not_found = || Problem::not_found("test");
    let name = EventId::parse(&id).map(PublicId::Id).ok_or_else(not_found)?;
    let planned = api.store.find_event(&name).await?;
    let own = planned
        .map(|planned| planned.event)
        .filter(|event| event.user_id == user_id && event.kind == LOOPBACK)
        .ok_or_else(not_found)?;
    let deliveries = api.store.deliveries_of(own.id).await?;
    Ok(JsonAnswer(TestState { id, now: Timestamp::now(), deliveries }))
}

fn read_channels(mut form: Form) -> Result<Vec<Channel>, Problem> {
    let given = form.take("channels");
    let parse = |name: &Value| name.as_str().and_then(Channel::parse);
    let channels: Option<Vec<Channel>> = given.as_ref().and_then(|list| list.as_array()?.iter().map(parse).collect());
    let is_set = |channels: &Vec<Channel>| {
        Channel::ALL.iter().filter(|one| channels.contains(one)).count() == channels.len() && !channels.is_empty()
    };
    let channels = channels.filter(is_set);
    if channels.is_none() {
        form.fault("channels", "must be one or more of ws, push and email, each once");
    }
    form.finish_with("channels", channels)
}

/// In the person's language, as far as we know it.
async fn words(api: &Api, user_id: UserId) -> Result<(&'static str, &'static str), Problem> {
    let contact = api.store.contact(user_id).await?;
    let is_russian = contact.is_some_and(|contact| contact.locale.split('-').next() == Some("ru"));
    Ok(if is_russian {
        ("Проверка уведомлений", "Если вы это видите, уведомления доходят.")
    } else {
        ("Notification test", "If you can see this, notifications reach you.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_names_its_channels_each_once() {
        let read = |body: Value| read_channels(Form::from_json(body).unwrap());

        assert_eq!(read(json!({"channels": ["push", "ws"]})), Ok(vec![Channel::Push, Channel::Ws]));
        for wrong in [json!([]), json!(["sms"]), json!(["ws", "ws"]), json!("ws"), json!([7]), json!(null)] {
            assert_eq!(read(json!({"channels": wrong})).unwrap_err().errors[0].field, "channels", "{wrong}");
        }
    }
}
