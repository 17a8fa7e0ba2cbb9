//! Who is there.

use axum::Json;
use axum::extract::State;
use eventcenter_core::id::UserId;
use eventcenter_core::store::Presence;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::PathUser;
use super::form::Form;
use super::{Api, Service};
use crate::problem::{Problem, ProblemDocument};

/// People in one request. More are refused.
const USERS_MAX: usize = 500;

/// Who of the people asked about is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresenceList {
    /// One for each of them, in the order of their ids.
    presence: Vec<Presence>,
}

/// Whether a person is connected, and when they were last seen
#[utoipa::path(get, path = "/api/users/{id}/presence", tag = "presence", security(("service_key" = [])),
    params(("id" = i64, Path, description = "Your own number for the person", minimum = 1)),
    responses(
        (status = 200, description = "Also for a person of whom nothing is known", body = Presence),
        (status = 400, description = "The id is none", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_presence(
    _: Service,
    State(api): State<Api>,
    PathUser(user_id): PathUser,
) -> Result<Json<Presence>, Problem> {
    let presence = api.store.presence(&[user_id]).await?;
    presence.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("person"))
}

/// The same for up to 500 people at once
#[utoipa::path(get, path = "/api/presence", tag = "presence", security(("service_key" = [])),
    params(("user_ids" = String, Query, description = "Your own numbers for them, separated by commas", example = "42,43")),
    responses(
        (status = 200, body = PresenceList),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn list_presence(
    _: Service,
    State(api): State<Api>,
    mut form: Form,
) -> Result<Json<PresenceList>, Problem> {
    let users = form.text("user_ids", "must be 1 to 500 ids from 1 to 9223372036854775807, as in 42,43", user_ids);
    let users = form.finish_with("user_ids", users)?;
    Ok(Json(PresenceList { presence: api.store.presence(&users).await? }))
}

fn user_ids(text: &str) -> Option<Vec<UserId>> {
    let users: Vec<UserId> = text.split(',').take(USERS_MAX + 1).map(|id| id.parse().ok()).collect::<Option<_>>()?;
    (users.len() <= USERS_MAX).then_some(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_a_list_of_at_most_500() {
        assert_eq!(user_ids("42,43"), Some(vec![UserId::from_row(42), UserId::from_row(43)]));
        for wrong in ["", "42,", "0", "4x", " 42", "42;43"] {
            assert_eq!(user_ids(wrong), None, "{wrong:?}");
        }
        assert_eq!(user_ids(&vec!["1"; 500].join(",")).map(|ids| ids.len()), Some(500));
        assert_eq!(user_ids(&vec!["1"; 501].join(",")), None);
    }
}
