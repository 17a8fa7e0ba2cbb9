//! How sessions are let in by a ticket, and how they are ended.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use eventcenter_core::id::{DeviceId, UserId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::{PathUser, PersonToken};
use super::form::Form;
use super::{Api, Json, Service};
use crate::auth::{LEEWAY, TICKET_LIFE, Ticket, TicketError};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest revocation, in bytes. A larger one is refused.
const REVOCATION_BYTES_MAX: usize = 1024;

/// What opens one socket.
#[derive(Serialize, ToSchema)]
pub(super) struct IssuedTicket {
    /// For `GET /ws?ticket=` or `GET /api/stream?ticket=`, once.
    #[schema(example = "ect_N2fDpqtvyWm1ZfQ3sJ0rXk8uYb5cLh7eGd9oTa4iVwEk3Qe9TzLm0Xb")]
    ticket: String,
    /// Seconds for which it works.
    expires_in: u64,
}

/// What was revoked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revoked {
    /// Whose.
    #[schema(value_type = i64, minimum = 1)]
    user_id: UserId,
    /// Tokens issued in this second or before count no longer.
    #[schema(value_type = String, format = DateTime)]
    not_after: Timestamp,
}

/// What to revoke.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(super) struct Revocation {
    /// Tokens issued until then; until now unless given.
    #[schema(value_type = Option<String>, format = DateTime)]
    not_after: Option<Timestamp>,
    /// Only sessions that call their device so.
    device: Option<String>,
}

/// A ticket for a socket: works once, for 30 seconds, for the person who asks
///
/// For clients that can set neither a header nor a subprotocol. It ends and is revoked with the token that it was got by.
#[utoipa::path(post, path = "/api/ws-ticket", tag = "streams", security(("user_token" = []), ("user_cookie" = [])),
    responses(
        (status = 201, body = IssuedTicket),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 429, description = "20 tickets wait to be used", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn issue_ticket(
    PersonToken(grant): PersonToken,
    State(api): State<Api>,
) -> Result<impl IntoResponse, Problem> {
    let ticket = Ticket::issue(&api.store, &api.tokens, grant).await?;
    let issued = IssuedTicket { ticket: ticket.expose().to_owned(), expires_in: TICKET_LIFE.as_secs() };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], JsonAnswer(issued)))
}

/// Close a person's sessions everywhere, and refuse the tokens by which they began
///
/// Sessions end with 4006 within a second. A token without `iat` counts as older than any revocation, and so does one of
/// the same second. A device is what a client calls itself: to shut out whoever has stolen a token, leave it out.
#[utoipa::path(post, path = "/api/users/{id}/sessions/revoke", tag = "users", security(("service_key" = [])),
    params(("id" = i64, Path, description = "Your own number for the person", minimum = 1)),
    request_body = Option<Revocation>,
    responses(
        (status = 200, description = "What is revoked now: an earlier call may have reached further", body = Revoked),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 413, description = "Larger than 1 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn revoke_sessions(
    _: Service,
    State(api): State<Api>,
    PathUser(user_id): PathUser,
    body: Option<Json<REVOCATION_BYTES_MAX>>,
) -> Result<JsonAnswer<Revoked>, Problem> {
    let (device, not_after) = read_revocation(body.map_or_else(|| json!({}), |body| body.value))?;
    let not_after = api.store.revoke_sessions(user_id, device.as_ref(), not_after).await?;
    tracing::info!(%user_id, %not_after, one_device = device.is_some(), "sessions were revoked");
    Ok(JsonAnswer(Revoked { user_id, not_after }))
}

fn read_revocation(body: Value) -> Result<(Option<DeviceId>, Option<Timestamp>), Problem> {
    let mut form = Form::from_json(body)?;
    let device = form.text("device", "must be 1 to 64 of A-Z, a-z, 0-9, _ and -", DeviceId::parse);
    // A clock may be ahead of ours. More than that would lock the person out.
    // And Postgres cannot read every year that we can.
    let not_after = form.text("not_after", "must be a time as in RFC 3339, at most 30 seconds ahead", |text| {
        let is_past = |time: &Timestamp| Timestamp::now().checked_add(LEEWAY).is_ok_and(|latest| *time <= latest);
        text.parse().ok().filter(is_past).filter(|time| *time > Timestamp::UNIX_EPOCH)
    });
    form.finish()?;
    Ok((device, not_after))
}

impl From<TicketError> for Problem {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::TooMany => Self::new(Code::TooManyTickets, "use one of them; each works for 30 seconds"),
            TicketError::Store(error) => error.into(),
            TicketError::Randomness(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_of_everything_until_now_unless_it_says_otherwise() {
        assert_eq!(read_revocation(json!({})), Ok((None, None)));
        let body = json!({"device": "b3f1-c2_", "not_after": "2025-11-23T09:00:00Z"});
        let not_after = "2025-11-23T09:00:00Z".parse().unwrap();
        assert_eq!(read_revocation(body), Ok((DeviceId::parse("b3f1-c2_"), Some(not_after))));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        for (device, not_after) in [
            (json!(""), json!("soon")),
            (json!("a b"), json!("9999-01-01T00:00:00Z")),
            (json!(7), json!("-009999-01-02T00:00:00Z")),
        ] {
            let problem = read_revocation(json!({"device": device, "not_after": not_after, "user": 1})).unwrap_err();

            let fields: Vec<String> = problem.errors.into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, ["device", "not_after", "user"]);
        }
    }
}
