//! Unsubscribing from a type's mail without logging in (RFC 8058): the link in the mail is the credential.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use eventcenter_core::id::UserId;
use eventcenter_core::store::{NewSuppression, Suppressed, SuppressionReason};

use super::Api;
use super::extract::Segment;
use crate::problem::{Problem, ProblemDocument};

mod page;

use page::{Page, Stage};

/// A page with one button
///
/// It changes nothing: programs that look for viruses in mail follow its links.
#[utoipa::path(get, path = "/unsubscribe/{token}", tag = "mail",
    params(("token" = String, Path, description = "As in the mail's List-Unsubscribe")),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, description = "No mail of ours holds that link", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_unsubscribe(State(api): State<Api>, Segment(token): Segment) -> Result<Response, Problem> {
    let (user_id, kind) = read(&api, &token)?;
    show(&api, user_id, Page { stage: Stage::Ask, kind: &kind }).await
}

/// Stop the mail of the link's person and type
///
/// What mail programs send for a click on their own button, `List-Unsubscribe=One-Click`, and what ours sends. The link
/// alone says whose mail of which type, so the body is not looked at. Safe to repeat.
#[utoipa::path(post, path = "/unsubscribe/{token}", tag = "mail",
    params(("token" = String, Path, description = "As in the mail's List-Unsubscribe")),
    responses(
        (status = 200, description = "No such mail is sent any more", content_type = "text/html"),
        (status = 404, description = "No mail of ours holds that link", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn post_unsubscribe(State(api): State<Api>, Segment(token): Segment) -> Result<Response, Problem> {
    let (user_id, kind) = read(&api, &token)?;
    let suppression = NewSuppression {
        who: Suppressed::Person(user_id),
        scope: &kind,
        reason: SuppressionReason::Unsubscribe,
        detail: None,
    };
    api.store.suppress(suppression).await?;
    show(&api, user_id, Page { stage: Stage::Done, kind: &kind }).await
}

fn read(api: &Api, token: &str) -> Result<(UserId, String), Problem> {
    let read = api.links.read_unsubscribe_token(token);
    read.ok_or_else(|| Problem::not_found("link: copy it from the mail whole, or look into a newer one"))
}

/// In the person's language. The link is a credential, so no other site and no cache shall see it.
async fn show(api: &Api, user_id: UserId, page: Page<'_>) -> Result<Response, Problem> {
    let contact = api.store.contact(user_id).await?.unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, page::policy()),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, page.html(&contact.locale)).into_response())
}
