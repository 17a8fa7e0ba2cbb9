//! Where no mail may go: listing, adding and lifting it.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::store::{
    NewSuppression, SCOPE_ALL, Suppressed, Suppression, SuppressionFilter, SuppressionReason,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Segment;
use super::form::Form;
use super::users::is_email;
use super::{Api, Json, Service};
use crate::problem::{Problem, ProblemDocument};

/// Largest suppression, in bytes. A larger one is refused.
const SUPPRESSION_BYTES_MAX: usize = 8 * 1024;

/// A part of the suppressions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuppressionPage {
    /// Oldest first.
    suppressions: Vec<Suppression>,
    /// What to pass as `after` for the next part; null at the end.
    next: Option<String>,
}

/// Who shall get no mail: an address, or a person whatever their address.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: suppress reads the fields")]
pub(super) struct SuppressRequest {
    address: Option<String>,
    #[schema(minimum = 1)]
    user_id: Option<i64>,
    /// A type of events, or `*` for every type (unless given).
    scope: Option<String>,
    /// `manual` unless given.
    reason: Option<SuppressionReason>,
    /// At most 500 characters are kept.
    detail: Option<String>,
}

/// Where no mail may go, oldest first
#[utoipa::path(get, path = "/api/suppressions", tag = "mail", security(("service_key" = [])),
    params(
        ("address" = Option<String>, Query, description = "Of this address alone, in whatever case"),
        ("user_id" = Option<i64>, Query, description = "Of this person alone", minimum = 1),
        ("reason" = Option<SuppressionReason>, Query, description = "For this reason alone"),
        ("after" = Option<String>, Query, description = "The `next` of the part before"),
        ("limit" = Option<u16>, Query, description = "At most so many; 50 unless given", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, body = SuppressionPage),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn list_suppressions(
    _: Service,
    State(api): State<Api>,
    mut form: Form,
) -> Result<JsonAnswer<SuppressionPage>, Problem> {
    let filter = SuppressionFilter {
        address: read_address(&mut form),
        user_id: form.user_id(),
        reason: read_reason(&mut form),
        after: form.text("after", "must be the next of an earlier page", |text| text.parse().ok()).unwrap_or_default(),
    };
    let limit = form.limit();
    form.finish()?;
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut suppressions = api.store.suppressions(&filter, rows).await?;
    let has_more = suppressions.len() > limit;
    suppressions.truncate(limit);
    let next = suppressions.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(JsonAnswer(SuppressionPage { suppressions, next }))
}

/// Let no mail go somewhere any more
#[utoipa::path(post, path = "/api/suppressions", tag = "mail", security(("service_key" = [])),
    request_body = SuppressRequest,
    responses(
        (status = 201, description = "It is suppressed, whether it was or not", body = Suppression),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 413, description = "Larger than 8 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn add_suppression(
    _: Service,
    State(api): State<Api>,
    body: Json<SUPPRESSION_BYTES_MAX>,
) -> Result<(StatusCode, JsonAnswer<Suppression>), Problem> {
    let mut form = Form::from_json(body.value)?;
    let (address, user_id) = (read_address(&mut form), form.user_id());
    let (scope, reason) = (form.type_in("scope"), read_reason(&mut form));
    let detail = read_detail(&mut form);
    if address.is_some() && user_id.is_some() {
        form.fault("user_id", "must not be given with an address");
    }
    let who = address.as_deref().map(Suppressed::Address).or(user_id.map(Suppressed::Person));
    let new = NewSuppression {
        who: form.finish_with("address", who)?,
        scope: scope.as_deref().unwrap_or(SCOPE_ALL),
        reason: reason.unwrap_or(SuppressionReason::Manual),
        detail: detail.as_deref(),
    };
    Ok((StatusCode::CREATED, JsonAnswer(api.store.suppress(new).await?)))
}

/// Let mail go again
#[utoipa::path(delete, path = "/api/suppressions/{id}", tag = "mail", security(("service_key" = [])),
    params(("id" = i64, Path, description = "The suppression's number")),
    responses(
        (status = 204, description = "It is lifted"),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 404, description = "There is no such suppression", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn lift_suppression(
    _: Service,
    State(api): State<Api>,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let is_lifted = match id.parse() {
        Ok(id) => api.store.lift_suppression(id).await?,
        Err(_) => false,
    };
    if is_lifted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("suppression")) }
}

/// An address to suppress.
pub(super) fn read_address(form: &mut Form) -> Option<String> {
    form.text("address", "must be one mail address of at most 254 bytes", |text| {
        is_email(text).then(|| text.to_owned())
    })
}

/// What the other side said. The store cuts it.
pub(super) fn read_detail(form: &mut Form) -> Option<String> {
    form.text("detail", "must be a text", |text| Some(text.to_owned()))
}

fn read_reason(form: &mut Form) -> Option<SuppressionReason> {
    form.text("reason", "must be bounce, complaint, manual or unsubscribe", SuppressionReason::parse)
}
