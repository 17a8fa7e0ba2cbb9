//! Reports on our mail, by webhook.

use axum::Json as JsonAnswer;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use eventcenter_core::store::{NewSuppression, SCOPE_ALL, Suppressed, SuppressionReason};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::too_large;
use super::form::Form;
use super::suppressions::{read_address, read_detail};
use super::{Api, Json, Service};
use crate::bounces::{REPORT_MAX, Verdict};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest report in JSON, in bytes. A larger one is refused.
const JSON_BYTES_MAX: usize = 8 * 1024;

/// What a mail provider says of an address.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: believe reads the fields")]
pub(super) struct BounceReport {
    address: String,
    /// `bounce` for an address that takes no mail for good, or `complaint`.
    #[schema(pattern = "^(bounce|complaint)$")]
    kind: String,
    /// The type of events complained of, or `*` for every type (unless given).
    scope: Option<String>,
    /// The provider's words; at most 500 characters are kept.
    detail: Option<String>,
}

/// What became of a report.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Received {
    /// What it was taken for.
    verdict: Verdict,
}

/// Report that a mail bounced or was complained of
///
/// As JSON it is believed, since it bears a service key. As it came by mail (`message/rfc822`: RFC 3464, RFC 5965) it
/// counts when it holds the return path of a mail of ours, and then for the address of that mail.
#[utoipa::path(post, path = "/api/bounces", tag = "mail", security(("service_key" = [])),
    request_body(content((BounceReport = "application/json"), (String = "message/rfc822"))),
    responses(
        (status = 200, body = Received),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 413, description = "Larger than 8 KiB, or 1 MiB of mail", body = ProblemDocument),
        (status = 415, description = "Neither application/json nor message/rfc822", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn post_bounce(
    _: Service,
    State(api): State<Api>,
    request: Request,
) -> Result<JsonAnswer<Received>, Problem> {
    let verdict = if is_mail(request.headers()) {
        let raw = to_bytes(request.into_body(), REPORT_MAX).await.map_err(|_too_long| too_large(REPORT_MAX))?;
        api.bounces.receive(&raw).await?
    } else if request.headers().get(CONTENT_TYPE).is_none() {
        return Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: message/rfc822 or application/json"));
    } else {
        let body = Json::<JSON_BYTES_MAX>::from_request(request, &()).await?;
        believe(&api, Form::from_json(body.value)?).await?
    };
    Ok(JsonAnswer(Received { verdict }))
}

async fn believe(api: &Api, mut form: Form) -> Result<Verdict, Problem> {
    let address = read_address(&mut form);
    let reason = form.text("kind", "must be bounce or complaint", |text| {
        SuppressionReason::parse(text)
            .filter(|reason| matches!(reason, SuppressionReason::Bounce | SuppressionReason::Complaint))
    });
    let (scope, detail) = (form.type_in("scope"), read_detail(&mut form));
    let reason = form.require("kind", reason);
    let address = form.finish_with("address", address)?;
    let suppression = NewSuppression {
        who: Suppressed::Address(&address),
        scope: scope.as_deref().unwrap_or(SCOPE_ALL),
        reason: reason.unwrap_or(SuppressionReason::Bounce),
        detail: detail.as_deref(),
    };
    Ok(api.bounces.believe(suppression).await?)
}

fn is_mail(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("message/rfc822")
}
