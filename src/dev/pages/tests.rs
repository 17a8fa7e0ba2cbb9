use axum::http::HeaderMap;
use axum::http::request::Builder;
use eventcenter_workers::email::Templates;
use http_body_util::BodyExt;

use super::*;

const SECRET: &str = "b64:kR3vW9qLx2ZtY8mNp5sJd7fGh4aQcE6u";

/// Pages before an API that answers with what it was asked.
fn pages() -> Router {
    async fn echo(headers: HeaderMap, uri: Uri, body: String) -> String {
        let key = headers.get(AUTHORIZATION).map_or("", |key| key.to_str().unwrap());
        format!("{uri} {key} {body}")
    }
    let api = Router::new().route("/events", post(echo)).route("/api/events/{id}", get(echo));
    let key = Secret::from("ec_key".to_owned());
    let previews = Previews::new(Templates::new(None).unwrap(), "http://localhost:8080".parse().unwrap());
    Pages::new(api, key, Tokens::hs256(SECRET), None).router(previews)
}

async fn answer(request: Builder) -> (StatusCode, String) {
    let response = pages().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_host_that_is_not_this_machine_is_refused() {
    for host in ["rebound.example.org", "127.0.0.1.example.org", "localhost.example.org:8080", "127.0.0.1@example.org"]
    {
        assert_eq!(
            answer(Request::get("/dev/token?user=42").header(HOST, host)).await.0,
            StatusCode::FORBIDDEN,
            "{host}"
        );
    }
    assert_eq!(answer(Request::get("/dev/token?user=42")).await.0, StatusCode::FORBIDDEN, "no host");
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"] {
        assert_eq!(answer(Request::get("/dev/token?user=42").header(HOST, host)).await.0, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn another_site_cannot_emit() {
    let emit = |site: &str| Request::post("/dev/emit").header(HOST, "localhost:8080").header("sec-fetch-site", site);

    assert_eq!(answer(emit("cross-site")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(answer(emit("same-site")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(answer(emit("same-origin")).await, (StatusCode::OK, "/events Bearer ec_key {}".to_owned()));
}

#[tokio::test]
async fn another_site_cannot_emit_from_a_browser_without_fetch_metadata() {
    let emit = |page: &str| Request::post("/dev/emit").header(HOST, "localhost:8080").header(ORIGIN, page);

    for page in ["http://evil.example", "http://localhost:3000", "https://localhost:8080", "null"] {
        assert_eq!(answer(emit(page)).await.0, StatusCode::FORBIDDEN, "{page}");
    }
    assert_eq!(answer(emit("http://localhost:8080")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_status_is_asked_of_the_api_by_the_event_s_name_alone() {
    for name in ["evt_01a20692a88e72f1824ea4cc05cff2e1", "photo%2F42", "..%2F..%2Fmetrics"] {
        let (_, asked) = answer(Request::get(format!("/dev/status/{name}")).header(HOST, "localhost")).await;

        assert!(asked.starts_with(&format!("/api/events/{name} Bearer ec_key")), "{asked}");
    }
}

#[tokio::test]
async fn a_token_speaks_for_the_person_who_was_asked_for() {
    let (_, body) = answer(Request::get("/dev/token?user=42").header(HOST, "localhost")).await;

    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let user = Tokens::hs256(SECRET).verify(body["token"].as_str().unwrap()).unwrap();
    assert_eq!(user, UserId::new(42).unwrap());
}

#[tokio::test]
async fn the_page_runs_no_script_but_its_own() {
    let request = Request::get("/").header(HOST, "localhost").body(Body::empty()).unwrap();

    let response = pages().oneshot(request).await.unwrap();

    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let page = std::str::from_utf8(&body).unwrap();
    assert!(!page.contains("<script>") && !page.contains(" on") && !page.contains("style="), "inline code");
}

#[tokio::test]
async fn every_template_that_is_listed_can_be_seen_and_runs_nothing() {
    let get = |uri: &str| Request::get(uri).header(HOST, "localhost");
    let (_, list) = answer(get("/dev/template-list")).await;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();

    assert_eq!(list["broken"], serde_json::Value::Null);
    for one in list["templates"].as_array().unwrap() {
        let query = format!("name={}&locale={}", one["name"].as_str().unwrap(), one["locale"].as_str().unwrap());
        let (status, html) = answer(get(&format!("/dev/template/html?{query}"))).await;
        assert!(status == StatusCode::OK && html.starts_with("<!doctype html>"), "{query}: {html}");
        let (_, parts) = answer(get(&format!("/dev/template?{query}"))).await;
        assert!(parts.contains("\"subject\""), "{query}: {parts}");
    }
    assert_eq!(answer(get("/dev/template?name=..%2Fx&locale=en")).await.0, StatusCode::NOT_FOUND);
    let page =
        pages().oneshot(get("/dev/template/html?name=digest&locale=ru").body(Body::empty()).unwrap()).await.unwrap();
    assert!(page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().ends_with("sandbox"));
}
