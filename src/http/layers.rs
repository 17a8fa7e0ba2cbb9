//! What surrounds every request: its id, its span, its time, and the shape of its errors.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use eventcenter_core::metrics::HTTP_SECONDS;
use metrics::histogram;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;
use uuid::Uuid;

use super::emit::IDEMPOTENCY_KEY;
use crate::auth::Origins;
use crate::problem::{Code, Problem};

/// A request that takes longer, its body included, is given up and answered 503. An upgraded socket has been answered
/// long before. Above the 30 seconds that a request may wait for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a browser may remember what CORS allows.
const CORS_MAX_AGE: Duration = Duration::from_hours(1);
/// Longest request id that is taken over, in bytes. A longer one is replaced by our own.
const REQUEST_ID_MAX: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request is called in logs and problems: its caller's `X-Request-Id`, or one of our own.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) Arc<str>);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_plain(id));
        let ours = || Arc::from(&*Uuid::now_v7().simple().encode_lower(&mut Uuid::encode_buffer()));
        Self(theirs.map_or_else(ours, Arc::from))
    }
}

/// It goes into logs, so it holds nothing that could pretend to be another line or field.
fn is_plain(id: &str) -> bool {
    (1..=REQUEST_ID_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/'))
}

/// Puts the layers around all routes.
pub(super) fn around(router: Router, origins: &Origins) -> Router {
    router
        .fallback(|| async { Problem::not_found("route: see /openapi.json") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "Allow lists the methods of this route")
        })
        .layer(from_fn(give_up))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors(origins))
        .layer(from_fn(observe))
}

/// Exactly the allowed origins; with none, no page of another origin can read an answer.
fn cors(origins: &Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, REQUEST_ID])
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .max_age(CORS_MAX_AGE)
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::internal(&std::io::Error::other("a handler panicked")).into_response()
}

async fn give_up(request: Request, next: Next) -> Response {
    let late = |_| {
        let detail = format!("the request took longer than {} seconds; ask again", REQUEST_TIMEOUT.as_secs());
        Problem::new(Code::Timeout, detail).into_response()
    };
    tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(late)
}

/// Names the request, measures it, and writes its problem if it has one. Neither its query nor its headers are logged:
/// they may hold credentials.
async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = &*id.0, method, route);
    request.extensions_mut().insert(id.clone());

    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.respond(response, &id.0);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    // What is answered is about one person unless it says otherwise: no cache keeps it, and no browser takes it for a page.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    let took = started.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, ms = took.as_secs_f64() * 1e3, "answered"));
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    histogram!(HTTP_SECONDS, &labels).record(took);
    response
}

/// A label from a closed set: anybody may send any method.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
