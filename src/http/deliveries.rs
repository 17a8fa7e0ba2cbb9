//! Deliveries that ended badly, and putting them back to work.

use axum::Json as JsonAnswer;
use axum::extract::State;
use eventcenter_core::delivery::Channel;
use eventcenter_core::id::UserId;
use eventcenter_core::store::{EndedDelivery, EndedFilter};
use serde::Serialize;
use utoipa::ToSchema;

use super::form::{Form, Page};
use super::{Api, Json, Service};
use crate::problem::{Problem, ProblemDocument};

/// Deliveries that one call puts back to work, oldest first. The rest waits for the next call.
const REDRIVE_MAX: i32 = 10_000;
/// Largest filter, in bytes. A larger one is refused.
const FILTER_BYTES_MAX: usize = 4 * 1024;

/// A part of the deliveries that ended badly.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryPage {
    /// Oldest first.
    deliveries: Vec<EndedDelivery>,
    /// What to pass as `after` for the next part; null at the end.
    next: Option<String>,
}

/// What to put back to work.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: Filter reads the fields")]
pub(super) struct RedriveRequest {
    /// `dead` (unless given) or `failed`.
    #[schema(pattern = "^(dead|failed)$")]
    state: Option<String>,
    /// On this channel alone.
    channel: Option<Channel>,
    /// Of events of this type alone.
    r#type: Option<String>,
    /// For this person alone.
    #[schema(minimum = 1)]
    user_id: Option<i64>,
}

/// How many deliveries are back at work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Redriven {
    /// At most 10,000: ask again until it is 0.
    redriven: usize,
}

/// Which deliveries are meant.
struct Filter {
    state: &'static str,
    channel: Option<Channel>,
    kind: Option<String>,
    user_id: Option<UserId>,
}

impl Filter {
    fn read(form: &mut Form) -> Self {
        let state = form.text("state", "must be dead or failed", |text| match text {
            "dead" => Some("dead"),
            "failed" => Some("failed"),
            _ => None,
        });
        Self {
            state: state.unwrap_or("dead"),
            channel: form.text("channel", "must be ws, push or email", Channel::parse),
            kind: form.kind(),
            user_id: form.user_id(),
        }
    }

    fn as_ended(&self) -> EndedFilter<'_> {
        EndedFilter {
            state: self.state,
            channel: self.channel.map(Channel::as_str),
            kind: self.kind.as_deref(),
            user_id: self.user_id,
            event_id: None,
        }
    }
}

/// Deliveries that ended badly and were not put back to work, oldest first
#[utoipa::path(get, path = "/api/deliveries", tag = "deliveries", security(("service_key" = [])),
    params(
        ("state" = Option<String>, Query, description = "`dead` (unless given) or `failed`"),
        ("channel" = Option<Channel>, Query, description = "On this channel alone"),
        ("type" = Option<String>, Query, description = "Of events of this type alone"),
        ("user_id" = Option<i64>, Query, description = "For this person alone", minimum = 1),
        ("after" = Option<String>, Query, description = "The `next` of the part before"),
        ("limit" = Option<u16>, Query, description = "About so many; 50 unless given", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, body = DeliveryPage),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn list_deliveries(
    _: Service,
    State(api): State<Api>,
    mut form: Form,
) -> Result<JsonAnswer<DeliveryPage>, Problem> {
    let (filter, page) = (Filter::read(&mut form), form.page());
    form.finish()?;
    // The cursor is an event, so a page ends between two events and has room for all the channels of one.
    let page = Page { limit: page.limit.max(Channel::ALL.len()), ..page };
    let mut deliveries = api.store.ended_deliveries(&filter.as_ended(), page.after, page.rows()).await?;
    let cut = deliveries.get(page.limit).map(|one| one.cursor);
    deliveries.retain(|one| Some(one.cursor) != cut);
    let next = deliveries.last().filter(|_| cut.is_some()).map(|one| one.cursor.to_string());
    Ok(JsonAnswer(DeliveryPage { deliveries, next }))
}

/// Put deliveries that ended badly back to work, oldest first
#[utoipa::path(post, path = "/api/deliveries/redrive", tag = "deliveries", security(("service_key" = [])),
    request_body = RedriveRequest,
    responses(
        (status = 200, body = Redriven),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 413, description = "Larger than 4 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn redrive_deliveries(
    _: Service,
    State(api): State<Api>,
    body: Json<FILTER_BYTES_MAX>,
) -> Result<JsonAnswer<Redriven>, Problem> {
    let mut form = Form::from_json(body.value)?;
    let filter = Filter::read(&mut form);
    form.finish()?;
    let redriven = api.store.redrive(&filter.as_ended(), REDRIVE_MAX).await?;
    Ok(JsonAnswer(Redriven { redriven }))
}
