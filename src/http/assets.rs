//! The browser side: files of `static/`, embedded.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rust_embed::RustEmbed;

use super::extract::Segment;
use crate::problem::{Problem, ProblemDocument};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// What our own pages may do: load our own files, in which Trusted Types let nobody make a script, and nothing else. A
/// host's page needs no more for our elements.
pub const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     media-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types eventcenter",
);

/// A part of the browser side
#[utoipa::path(get, path = "/ec/{file}", tag = "browser",
    params(("file" = String, Path, description = "As in `static/ec/`")),
    responses(
        (status = 200, description = "The file"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "No such file", body = ProblemDocument),
    ))]
pub(super) async fn get_asset(Segment(file): Segment, headers: HeaderMap) -> Result<Response, Problem> {
    serve(&format!("ec/{file}"), &headers)
}

/// A part of the browser side, in a folder
#[utoipa::path(get, path = "/ec/{folder}/{file}", tag = "browser",
    params(
        ("folder" = String, Path, description = "As in `static/ec/`"),
        ("file" = String, Path, description = "As in the folder"),
    ),
    responses(
        (status = 200, description = "The file"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "No such file", body = ProblemDocument),
    ))]
pub(super) async fn get_asset_in_folder(
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((folder, file)) = path.or(Err(Problem::not_found("file")))?;
    serve(&format!("ec/{folder}/{file}"), &headers)
}

/// The environment check: what notifications need, and what is missing here
#[utoipa::path(get, path = "/check", tag = "browser",
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 304, description = "It has not changed"),
    ))]
pub(super) async fn get_check_page(headers: HeaderMap) -> Result<Response, Problem> {
    serve("check.html", &headers)
}

/// The service worker, at the root so that its scope is the whole origin
#[utoipa::path(get, path = "/sw.js", tag = "browser",
    responses(
        (status = 200, description = "The script", content_type = "text/javascript"),
        (status = 304, description = "It has not changed"),
    ))]
pub(super) async fn get_service_worker(headers: HeaderMap) -> Result<Response, Problem> {
    serve("sw.js", &headers)
}

/// The page of an action, for someone who comes from a push or a mail
///
/// It holds nothing: its script asks for the action as the person who is signed in.
#[utoipa::path(get, path = "/actions/{action_id}", tag = "browser",
    params(("action_id" = String, Path, description = "The event's `data.action_id`")),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 304, description = "It has not changed"),
    ))]
pub(super) async fn get_action_page(_: Segment, headers: HeaderMap) -> Result<Response, Problem> {
    serve("action.html", &headers)
}

/// Always asked for again, so that a new release is seen at once; the tag makes that cheap.
fn serve(name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let (content_type, file) = content_type(name).zip(Files::get(name)).ok_or_else(|| Problem::not_found("file"))?;
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let about = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (ETAG, &tag),
    ];
    let mut response =
        if is_known { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, file.data).into_response() };
    if content_type.starts_with("text/html") {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    Ok(response)
}

/// `None` for whatever a page has no use for.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "html" => Some("text/html; charset=utf-8"),
        "json" => Some("application/json"),
        "webmanifest" => Some("application/manifest+json"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "ico" => Some("image/x-icon"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}
