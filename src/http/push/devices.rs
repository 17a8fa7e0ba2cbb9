//! A person's own browsers.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::store::PushDevice;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::extract::Segment;
use crate::http::form::Form;
use crate::http::{Api, Json, Person};
use crate::problem::{Problem, ProblemDocument};

/// Largest change of a device, in bytes. A larger one is refused.
const DEVICE_BYTES_MAX: usize = 1024;
/// Longest name that an owner gives, in characters; the database has the same bound.
const NAME_MAX: usize = 64;

/// A person's browsers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Devices {
    /// Oldest first; at most 20.
    devices: Vec<PushDevice>,
}

/// What may be changed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: Form reads the fields")]
pub(in crate::http) struct DeviceChange {
    /// What its owner calls it, in one line.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
}

/// One's own browsers
#[utoipa::path(get, path = "/api/push/devices", tag = "push", security(("user_token" = []), ("user_cookie" = [])),
    responses(
        (status = 200, body = Devices),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::http) async fn list_devices(
    Person(user_id): Person,
    State(api): State<Api>,
) -> Result<JsonAnswer<Devices>, Problem> {
    Ok(JsonAnswer(Devices { devices: api.store.push_devices(user_id).await? }))
}

/// Rename one of one's own browsers
#[utoipa::path(patch, path = "/api/push/devices/{id}", tag = "push",
    security(("user_token" = []), ("user_cookie" = [])), request_body = DeviceChange,
    params(("id" = String, Path, description = "As in the list")),
    responses(
        (status = 204, description = "It bears the name"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "No such browser of one's own", body = ProblemDocument),
        (status = 413, description = "Larger than 1 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::http) async fn rename_device(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(id): Segment,
    body: Json<DEVICE_BYTES_MAX>,
) -> Result<StatusCode, Problem> {
    let mut form = Form::from_json(body.value)?;
    let name = form.text("name", "must be one line of 1 to 64 characters", |text| {
        let is_name = (1..=NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        is_name.then(|| text.to_owned())
    });
    let name = form.finish_with("name", name)?;
    let is_found = api.store.rename_push_device(user_id, parse(&id)?, &name).await?;
    is_found.then_some(StatusCode::NO_CONTENT).ok_or_else(no_device)
}

/// Remove one of one's own browsers
#[utoipa::path(delete, path = "/api/push/devices/{id}", tag = "push",
    security(("user_token" = []), ("user_cookie" = [])),
    params(("id" = String, Path, description = "As in the list")),
    responses(
        (status = 204, description = "It gets nothing any more, unless it subscribes again"),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "No such browser of one's own", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::http) async fn remove_device(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let is_found = api.store.remove_push_device(user_id, parse(&id)?).await?;
    is_found.then_some(StatusCode::NO_CONTENT).ok_or_else(no_device)
}

fn parse(id: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(id).map_err(|_not_one| no_device())
}

fn no_device() -> Problem {
    Problem::not_found("device")
}
