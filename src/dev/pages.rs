//! The pages of `eventcenter dev`, beside the API. They hold the service key, so that the browser need not.
//!
//! Anyone's web page can make a browser send requests to this machine. What is refused: a Host that is not loopback
//! (DNS rebinding), and a POST from another site.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use eventcenter_core::id::{EventId, UserId};
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;

use super::mail;
use super::templates::Previews;
use crate::auth::{COOKIE_NAME, Tokens};
use crate::config::Secret;
use crate::http::PAGE_POLICY;

/// A page asks for a new token whenever it connects.
const TOKEN_TTL: Duration = Duration::from_mins(10);

/// A mail is somebody else's text: no script, no request, no reach into the page around it.
pub(super) const MAIL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'; sandbox",
);

pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const JS: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// What the pages need.
#[derive(Clone, Debug)]
pub struct Pages {
    api: Router,
    service_key: Secret,
    tokens: Tokens,
    mail: Option<PathBuf>,
}

impl Pages {
    /// Pages that speak to `api` with this key, and show the mail in this directory.
    pub const fn new(api: Router, service_key: Secret, tokens: Tokens, mail: Option<PathBuf>) -> Self {
        Self { api, service_key, tokens, mail }
    }

    /// The API and the pages beside it. The API must have no routes at `/` and under `/dev`.
    pub(super) fn router(self, previews: Previews) -> Router {
        let api = self.api.clone();
        let pages = Router::new()
            .route("/", file(HTML, include_str!("pages/demo.html")))
            .route("/dev/demo.css", file(CSS, include_str!("pages/demo.css")))
            .route("/dev/demo.js", file(JS, include_str!("pages/demo.js")))
            .route("/dev/deliveries.js", file(JS, include_str!("pages/deliveries.js")))
            .route("/dev/letters.js", file(JS, include_str!("pages/letters.js")))
            .route("/dev/scenarios.js", file(JS, include_str!("pages/scenarios.js")))
            .route("/dev/words.js", file(JS, include_str!("pages/words.js")))
            .route("/dev/mail.js", file(JS, include_str!("pages/mail.js")))
            .route("/dev/mail", file(HTML, include_str!("pages/mail.html")))
            .route("/dev/token", get(token))
            .route("/dev/emit", post(emit))
            .route("/dev/status/{id}", get(status))
            .route("/dev/mails", get(mails))
            .route("/dev/mails/{id}", get(one_mail))
            .route("/dev/mails/{id}/html", get(mail_html))
            .route("/dev/templates", file(HTML, include_str!("pages/templates.html")))
            .route("/dev/templates.js", file(JS, include_str!("pages/templates.js")))
            .with_state(self)
            .merge(previews.router())
            .layer(middleware::from_fn(only_this_machine));
        api.merge(pages)
    }

    /// Asks the API as a service would.
    async fn ask(self, request: http::request::Builder, body: Body) -> Response {
        let request = request
            .header(AUTHORIZATION, format!("Bearer {}", self.service_key.expose()))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        match request {
            Ok(request) => self.api.oneshot(request).await.into_response(),
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        }
    }
}

fn file(kind: HeaderValue, content: &'static str) -> axum::routing::MethodRouter<Pages> {
    get(move || async move { ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, PAGE_POLICY)], content) })
}

async fn only_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A GET from another site cannot be read by it, and may be a link that somebody followed.
    let is_asked_by_us = request.method() == Method::GET || is_same_site(headers);
    if !is_loopback_host(headers) || !is_asked_by_us {
        return (StatusCode::FORBIDDEN, "these pages are for this machine's own browser").into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
    {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Uri>().ok());
    host.as_ref().and_then(Uri::host).is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

/// Browsers say where a request comes from: by Fetch Metadata, the older ones by Origin. Other programs do not, and have
/// no one to be tricked.
fn is_same_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    headers.get(ORIGIN).is_none_or(|origin| origin.as_bytes().strip_prefix(b"http://") == host)
}

#[derive(Deserialize)]
struct Whose {
    user: UserId,
}

async fn token(State(pages): State<Pages>, Query(whose): Query<Whose>) -> Response {
    match pages.tokens.issue(whose.user, TOKEN_TTL) {
        Ok(token) => {
            // As a host's session would: for the pages behind a notification or a mail, which have no token.
            let cookie =
                format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}", TOKEN_TTL.as_secs());
            ([(SET_COOKIE, cookie)], Json(json!({"token": token}))).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn emit(State(pages): State<Pages>, body: Bytes) -> Response {
    pages.ask(Request::post("/events"), Body::from(body)).await
}

async fn status(State(pages): State<Pages>, uri: Uri) -> Response {
    // The name as it was encoded: decoding it could turn one segment into many.
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    pages.ask(Request::get(format!("/api/events/{name}")), Body::empty()).await
}

async fn mails(State(pages): State<Pages>) -> Response {
    let Some(directory) = pages.mail else { return Json(json!([])).into_response() };
    match mail::list(&directory).await {
        Ok(list) => Json(list).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn one_mail(State(pages): State<Pages>, Path(id): Path<String>) -> Response {
    let (Some(directory), Some(id)) = (pages.mail, EventId::parse(&id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match mail::read(&directory, id).await {
        Ok(Some(mail)) => Json(mail).into_response(),
        Ok(None) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn mail_html(State(pages): State<Pages>, Path(id): Path<String>) -> Response {
    let (Some(directory), Some(id)) = (pages.mail, EventId::parse(&id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match mail::html(&directory, id).await {
        Ok(Some(html)) => ([(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, MAIL_POLICY)], html).into_response(),
        Ok(None) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests;
