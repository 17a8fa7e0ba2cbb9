//! The router without a database: what it refuses by itself, and what it says while the database is away.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE,
    HeaderName, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::get;
use eventcenter_core::id::UserId;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::auth::{COOKIE_NAME, Origins};

mod emit;
mod openapi;

const APP: &str = "https://app.example.org";
/// Nothing listens on the discard port.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:9/none";

struct Fixture {
    router: Router,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem's code and the fields it names, after checking that it is whole.
    #[track_caller]
    fn problem(&self) -> (String, Vec<String>) {
        let problem = self.json();
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{problem}");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert!(!problem["detail"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty());
        let fields = problem["errors"].as_array().into_iter().flatten();
        let fields = fields.map(|error| error["field"].as_str().unwrap().to_owned()).collect();
        (problem["code"].as_str().unwrap().to_owned(), fields)
    }
}

async fn panics() -> StatusCode {
    panic!("as tests wish")
}

impl Fixture {
    fn new() -> Self {
        let store = Store::connect(NOWHERE, 1).unwrap();
        let service_keys = ServiceKeys::new(store.clone());
        service_keys.accept("ec_test");
        let tokens = Tokens::hs256("a secret of at least thirty-two bytes");
        let token = tokens.issue(UserId::new(42).unwrap(), Duration::from_hours(1)).unwrap();
        let links = MailLinks::new(b"a secret of at least thirty-two bytes", None, None).unwrap();
        let api = Foundation {
            bounces: Bounces::new(store.clone(), links.clone()),
            links,
            committer: Committer::start(&store, &Tasks::default()),
            store,
            tokens,
            cookies: CookieRules { name: COOKIE_NAME.to_owned(), origins: Origins::parse(&[APP]).unwrap() },
            service_keys,
            push: None,
            metrics: Metrics::recorder().unwrap().0,
            waiters: Waiters::default(),
            readiness: Readiness::new(watch::channel(true).1, Tasks::default()),
        };
        let others = OpenApiRouter::new().route("/panics", get(panics));
        Self { router: router(api, others), token }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request of a service, with a body if it has one.
    async fn ask(&self, method: Method, uri: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(uri).header(AUTHORIZATION, "Bearer ec_test");
        self.send(request.header(CONTENT_TYPE, "application/json").body(body.into()).unwrap()).await
    }

    async fn emit(&self, body: &Value) -> Answer {
        self.ask(Method::POST, "/events", body.to_string()).await
    }

    async fn with(&self, uri: &str, headers: &[(HeaderName, &str)]) -> Answer {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn event() -> Value {
    json!({"user_id": 42, "type": "job.done", "title": "Ready", "body": "It is"})
}

fn invalid(field: &str) -> (String, Vec<String>) {
    ("invalid_request".to_owned(), vec![field.to_owned()])
}

fn code(code: &str) -> (String, Vec<String>) {
    (code.to_owned(), Vec::new())
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_acknowledged() {
    let api = Fixture::new();

    let (one, array) = (event(), json!([event()]));
    let asked = tokio::join!(api.emit(&one), api.emit(&array), api.ask(Method::GET, "/api/events/evt_1", ""));

    for answer in [asked.0, asked.1, asked.2] {
        assert_eq!((answer.status, answer.problem()), (StatusCode::SERVICE_UNAVAILABLE, code("database_unavailable")));
        assert!(answer.headers.contains_key(RETRY_AFTER));
    }
}

#[tokio::test]
async fn every_call_asks_for_its_credential() {
    let api = Fixture::new();
    let person = format!("Bearer {}", api.token);

    for uri in ["/api/events/evt_1", "/api/events?user_id=1", "/api/deliveries", "/api/users/1"] {
        let answer = api.with(uri, &[]).await;

        assert_eq!((answer.status, answer.problem()), (StatusCode::UNAUTHORIZED, code("unauthorized")), "{uri}");
        assert!(answer.headers.contains_key(WWW_AUTHENTICATE));
    }
    assert_eq!(api.with("/api/push/key", &[]).await.problem(), code("unauthorized"));
    assert_eq!(api.with("/api/push/key", &[(AUTHORIZATION, "Bearer ec_test")]).await.problem(), code("unauthorized"));
    assert_eq!(api.with("/api/push/key", &[(AUTHORIZATION, &person)]).await.problem(), code("push_disabled"));
}

#[tokio::test]
async fn a_cookie_from_a_foreign_page_is_forbidden() {
    let api = Fixture::new();
    let cookie = format!("ec_token={}", api.token);
    let from = |origin| [(HeaderName::from_static("cookie"), cookie.clone()), (ORIGIN, String::from(origin))];
    let ask = async |origin| {
        let headers = from(origin);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
        api.with("/api/push/key", &headers).await
    };

    let (own, foreign) = (ask(APP).await, ask("https://evil.example").await);

    assert_eq!(own.problem(), code("push_disabled"));
    assert_eq!((foreign.status, foreign.problem()), (StatusCode::FORBIDDEN, code("foreign_origin")));
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_read_answers() {
    let api = Fixture::new();

    let own = api.with("/healthz", &[(ORIGIN, APP)]).await.headers;
    let foreign = api.with("/healthz", &[(ORIGIN, "https://evil.example")]).await.headers;

    assert_eq!(own[ACCESS_CONTROL_ALLOW_ORIGIN], APP);
    assert_eq!(own[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert!(!foreign.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let api = Fixture::new();

    let unknown = api.ask(Method::GET, "/nothing", "").await;
    let method = api.ask(Method::PATCH, "/events", "").await;
    let asset = api.ask(Method::GET, "/ec/..%2FCargo.toml", "").await;
    let panic = api.ask(Method::GET, "/panics", "").await;

    assert_eq!((unknown.status, unknown.problem()), (StatusCode::NOT_FOUND, code("not_found")));
    assert_eq!((method.status, method.problem()), (StatusCode::METHOD_NOT_ALLOWED, code("method_not_allowed")));
    assert_eq!(method.headers[ALLOW], "POST");
    assert_eq!((asset.status, asset.problem()), (StatusCode::NOT_FOUND, code("not_found")));
    assert_eq!((panic.status, panic.problem()), (StatusCode::INTERNAL_SERVER_ERROR, code("internal")));
}

#[tokio::test]
async fn odd_paths_and_queries_name_what_is_wrong() {
    let api = Fixture::new();

    for (uri, field) in [
        ("/api/users/0", "id"),
        ("/api/users/9223372036854775808", "id"),
        ("/api/users/%FF", "path"),
        ("/api/events", "user_id"),
        ("/api/events?user_id=1&limit=0", "limit"),
        ("/api/events?user_id=1&type=%00", "type"),
        ("/api/deliveries?state=sent", "state"),
    ] {
        let answer = api.ask(Method::GET, uri, "").await;

        assert_eq!((answer.status, answer.problem()), (StatusCode::BAD_REQUEST, invalid(field)), "{uri}");
    }
    assert_eq!(api.ask(Method::GET, "/api/events/a%00b", "").await.problem(), code("not_found"));
}

#[tokio::test]
async fn a_request_keeps_its_callers_id_unless_it_could_forge_a_log() {
    let api = Fixture::new();
    let id = HeaderName::from_static("x-request-id");
    let long = "x".repeat(129);

    assert_eq!(api.with("/healthz", &[(id.clone(), "trace-1")]).await.headers[&id], "trace-1");
    for bad in ["a b", "a\"b", "", &long] {
        assert_eq!(api.with("/healthz", &[(id.clone(), bad)]).await.headers[&id].len(), 32, "{bad}");
    }
}

#[tokio::test]
async fn no_cache_keeps_an_answer_and_no_browser_takes_it_for_a_page() {
    let api = Fixture::new();
    for (path, kept) in [("/api/inbox", "no-store"), ("/nowhere", "no-store"), ("/sw.js", "no-cache")] {
        let answer = api.with(path, &[]).await;
        assert_eq!(answer.headers[CACHE_CONTROL], kept, "{path}");
        assert_eq!(answer.headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_process_without_its_database_is_alive_and_not_ready() {
    let api = Fixture::new();

    assert_eq!(api.with("/healthz", &[]).await.status, StatusCode::OK);
    let answer = api.with("/readyz", &[]).await;

    assert_eq!((answer.status, &answer.json()["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
    let checks = answer.json()["checks"].clone();
    let failed = checks.as_array().unwrap().iter().filter(|check| check["ok"] == false);
    assert_eq!(failed.map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), ["database"]);
}
