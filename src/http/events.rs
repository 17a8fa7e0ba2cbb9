//! What became of events.

use axum::Json;
use axum::extract::State;
use eventcenter_core::event::{PlannedEvent, PublicId};
use eventcenter_core::store::{Canceled, DeliveryState};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Segment;
use super::form::Form;
use super::{Api, Service};
use crate::problem::{Problem, ProblemDocument};

/// An event and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventStatus {
    #[serde(flatten)]
    planned: PlannedEvent,
    /// One per channel.
    deliveries: Vec<DeliveryState>,
}

/// A part of a person's history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventPage {
    /// Newest first.
    events: Vec<PlannedEvent>,
    /// What to pass as `after` for the next part; null at the end.
    next: Option<String>,
}

/// What a cancellation came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancelResult {
    /// What the event is called.
    id: String,
    /// One per channel.
    deliveries: Vec<Canceled>,
}

/// An event, the state of each of its deliveries, and what was tried
#[utoipa::path(get, path = "/api/events/{id}", tag = "events", security(("service_key" = [])),
    params(("id" = String, Path, description = "Your own id, or `evt_…`")),
    responses(
        (status = 200, body = EventStatus),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 404, description = "No such event", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_event(
    _: Service,
    State(api): State<Api>,
    Segment(name): Segment,
) -> Result<Json<EventStatus>, Problem> {
    let planned = find(&api, &name).await?;
    let deliveries = api.store.deliveries_of(planned.event.id).await?;
    Ok(Json(EventStatus { planned, deliveries }))
}

/// A person's history, newest first
#[utoipa::path(get, path = "/api/events", tag = "events", security(("service_key" = [])),
    params(
        ("user_id" = i64, Query, description = "Whose", minimum = 1),
        ("type" = Option<String>, Query, description = "Of this type alone"),
        ("after" = Option<String>, Query, description = "The `next` of the part before"),
        ("limit" = Option<u16>, Query, description = "At most so many; 50 unless given", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, body = EventPage),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn list_events(
    _: Service,
    State(api): State<Api>,
    mut form: Form,
) -> Result<Json<EventPage>, Problem> {
    let (user_id, kind, page) = (form.user_id(), form.kind(), form.page());
    let user_id = form.finish_with("user_id", user_id)?;
    let mut events = api.store.events_of_user(user_id, kind.as_deref(), page.after, page.rows()).await?;
    let has_more = events.len() > page.limit;
    events.truncate(page.limit);
    let next = events.last().filter(|_| has_more).map(|planned| planned.event.id.to_string());
    Ok(Json(EventPage { events, next }))
}

/// Take back what still waits, and learn what does not
#[utoipa::path(post, path = "/api/events/{id}/cancel", tag = "events", security(("service_key" = [])),
    params(("id" = String, Path, description = "Your own id, or `evt_…`")),
    responses(
        (status = 200, body = CancelResult),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 404, description = "No such event", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn cancel_event(
    _: Service,
    State(api): State<Api>,
    Segment(name): Segment,
) -> Result<Json<CancelResult>, Problem> {
    let event = find(&api, &name).await?.event;
    let deliveries = api.store.cancel(event.id).await?;
    Ok(Json(CancelResult { id: event.public_id(), deliveries }))
}

async fn find(api: &Api, name: &str) -> Result<PlannedEvent, Problem> {
    api.store.find_event(&PublicId::parse(name)).await?.ok_or_else(|| Problem::not_found("event"))
}
