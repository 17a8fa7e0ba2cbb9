//! The routes of services and people, over HTTP.

use std::collections::BTreeSet;

use eventcenter_core::id::UserId;
use eventcenter_workers::email::MailLinks;
use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::{Value, json};

use crate::support::events::{in_seconds, json_with};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::push_service::Browser;

/// The strings under one name, in a list of objects.
fn each<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_persons_history_is_read_in_parts_newest_first() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let kind = if n == 2 { "message.new" } else { "job.done" };
        ids.insert(0, server.emit(&json_with(42, &json!({"type": kind, "channels": ["push"]}))).await);
    }
    server.emit(&json_with(43, &json!({}))).await;

    let mut read = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/events?user_id=42&limit=2{after}");
        let page = server.service(Method::GET, &path).await.expect(200).json();
        read.extend(each(&page["events"], "id").into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }

    assert_eq!(read, ids);
    let path = "/api/events?user_id=42&type=message.new";
    let messages = server.service(Method::GET, path).await.expect(200).json();
    assert_eq!((each(&messages["events"], "id"), &messages["next"]), (vec![&*ids[2]], &Value::Null));
}

#[tokio::test]
async fn a_producers_own_id_is_the_events_name_everywhere() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let session = server.session(42, "").await;

    assert_eq!(server.emit(&json_with(42, &json!({"id": "фото/7"}))).await, "фото/7");

    assert_eq!(session.frame(0).await["event"]["id"], "фото/7");
    let event = server.event("%D1%84%D0%BE%D1%82%D0%BE%2F7").await;
    assert_eq!((&event["id"], &event["channels"]), (&json!("фото/7"), &json!(["ws", "push"])));
    let answer = server.service(Method::GET, "/api/events/unknown").await;
    assert_eq!((answer.faulty_fields(404), &answer.json()["code"]), (vec![], &json!("not_found")));
}

#[tokio::test]
async fn what_ended_badly_is_listed_and_redriven_by_the_same_filter() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"status": 400, "body": "bad request"}])).await;
    let id = server.emit(&json_with(42, &json!({}))).await;
    server.comes_to(&id, "push", "failed").await;

    let path = "/api/deliveries?state=failed&channel=push&user_id=42&type=job.done";
    let listed = server.service(Method::GET, path).await.expect(200).json();
    let listed = &listed["deliveries"].as_array().unwrap()[..];
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["event_id"], &listed[0]["provider_code"]), (&json!(id), &json!("400")));
    let redrive = async |filter: Value| {
        server.service_json(Method::POST, "/api/deliveries/redrive", &filter).await.expect(200).json()["redriven"]
            .clone()
    };
    assert_eq!(redrive(json!({})).await, 0, "it has failed and is not dead");
    assert_eq!(redrive(json!({"state": "failed", "user_id": 43})).await, 0);
    assert_eq!(redrive(json!({"state": "failed", "channel": "push", "user_id": 42})).await, 1);

    server.comes_to(&id, "push", "sent").await;
    browser.pushes(2).await;
    let left = server.service(Method::GET, "/api/deliveries?state=failed").await.expect(200).json();
    assert_eq!(left, json!({"deliveries": [], "next": null}));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_cancel_takes_back_what_waits_and_says_what_was_in_flight() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"delay_ms": 1500, "status": 503}])).await;
    let scheduled = server.emit(&json_with(42, &json!({"deliver_at": in_seconds(3600)}))).await;
    let sending = server.emit(&json_with(42, &json!({}))).await;
    browser.pushes(1).await;

    let cancel = async |id: &str| {
        let answer = server.service(Method::POST, &format!("/api/events/{id}/cancel")).await.expect(200).json();
        assert_eq!(answer["id"], id);
        let results = answer["deliveries"].as_array().unwrap().iter();
        results.map(|one| format!("{} {}", one["channel"], one["result"]).replace('"', "")).collect::<Vec<_>>()
    };

    assert_eq!(cancel(&scheduled).await, ["ws canceled", "push canceled"]);
    assert_eq!(cancel(&sending).await, ["ws settled", "push in_flight"]);
    server.comes_to(&sending, "push", "canceled").await;
    assert_eq!(cancel(&sending).await, ["ws settled", "push settled"]);
    assert_eq!(browser.count().await, 1, "what is canceled is not tried again");
    server.service(Method::POST, "/api/events/unknown/cancel").await.faulty_fields(404);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_contact_is_stored_shown_replaced_and_erased_with_its_browsers() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let path = "/api/users/42";
    server.service(Method::GET, path).await.faulty_fields(404);

    let contact = json!({"email": "anna@example.org", "name": "Анна", "locale": "ru", "time_zone": "Europe/Moscow"});
    server.service_json(Method::PUT, path, &contact).await.expect(200);
    let known = server.service(Method::GET, path).await.expect(200).json();
    assert_eq!((&known["email"], &known["name"]), (&contact["email"], &contact["name"]));
    let replaced = server.service_json(Method::PUT, path, &json!({"email": "anna@example.com"})).await.expect(200);
    let expected = json!({
        "email": "anna@example.com", "name": null, "locale": "en", "time_zone": "UTC",
        "quiet_hours": null, "digest": "off", "digest_hour": 9,
    });
    assert_eq!(replaced.json(), expected);
    server.browser(42).await;

    for _ in 0..2 {
        assert_eq!(server.service(Method::DELETE, path).await.expect(204).text, "");
    }
    server.service(Method::GET, path).await.faulty_fields(404);
    let id = server.emit(&json_with(42, &json!({"channels": ["push", "email"]}))).await;
    assert_eq!(server.comes_to(&id, "push", "skipped").await["reason"], "no_subscription");
    assert_eq!(server.comes_to(&id, "email", "skipped").await["reason"], "no_address");
}

#[tokio::test]
async fn a_browser_belongs_to_whoever_subscribed_it_last() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let key = request(Method::GET, &server.url("/api/push/key")).bearer_auth(installation.token(42));
    let key = Answer::to(key).await.expect(200).json();
    assert_eq!(key["key"], installation.vapid_public_key);
    let browser = Browser::new(key["key"].as_str().unwrap()).await;
    let count = || installation.db.count("select count(*) from eventcenter.push_subscriptions");

    let first = server.subscribe(42, &browser).await;
    assert_eq!((server.subscribe(42, &browser).await, count().await), (first, 1));
    server.subscribe(43, &browser).await;

    assert_eq!(count().await, 1);
    let of_42 = server.emit(&json_with(42, &json!({}))).await;
    assert_eq!(server.comes_to(&of_42, "push", "skipped").await["reason"], "no_subscription");
    let of_43 = server.emit(&json_with(43, &json!({}))).await;
    server.comes_to(&of_43, "push", "sent").await;
    // Nobody can unsubscribe another's.
    let endpoint = json!({"endpoint": browser.endpoint()});
    for (user, left) in [(42, 1), (43, 0), (43, 0)] {
        server.person_json(user, Method::DELETE, "/api/push/subscribe", &endpoint).await.expect(204);
        assert_eq!(count().await, left);
    }
}

#[tokio::test]
async fn the_document_of_the_api_has_every_route_and_every_answer() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let document = server.get("/openapi.json").await.expect(200).json();

    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
            assert!(!call["responses"].as_object().unwrap().is_empty(), "{method} {path}");
        }
    }
    let routes = [
        "DELETE /api/push/devices/{id}",
        "DELETE /api/push/subscribe",
        "DELETE /api/suppressions/{id}",
        "DELETE /api/users/{id}",
        "GET /actions/{action_id}",
        "GET /api/actions/{action_id}",
        "GET /api/actions/{action_id}/context",
        "GET /api/deliveries",
        "GET /api/diagnostics/loopback/{id}",
        "GET /api/events",
        "GET /api/events/{id}",
        "GET /api/inbox",
        "GET /api/preferences",
        "GET /api/push/devices",
        "GET /api/push/key",
        "GET /api/suppressions",
        "GET /api/users/{id}",
        "GET /check",
        "GET /ec/{file}",
        "GET /ec/{folder}/{file}",
        "GET /healthz",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /sw.js",
        "GET /unsubscribe/{token}",
        "GET /ws",
        "PATCH /api/push/devices/{id}",
        "POST /api/actions/{action_id}/answer",
        "POST /api/bounces",
        "POST /api/deliveries/redrive",
        "POST /api/diagnostics/loopback",
        "POST /api/events/{id}/cancel",
        "POST /api/inbox/{mark}",
        "POST /api/push/ack",
        "POST /api/push/subscribe",
        "POST /api/suppressions",
        "POST /events",
        "POST /unsubscribe/{token}",
        "PUT /api/preferences",
        "PUT /api/users/{id}",
    ];
    assert_eq!(documented, routes.map(str::to_owned).into());
    let links = MailLinks::new(installation.jwt_secret.as_bytes(), None, None).unwrap();
    let token = links.unsubscribe_token(UserId::from_row(42), "job.done");
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{folder}/{file}", "ui/bell.js").replace("{file}", "ec.js").replace("{token}", &token);
        let path = path.replace("{id}", "7").replace("{action_id}", "7").replace("{mark}", "read");
        let answer = Answer::to(request(method.parse().unwrap(), &server.url(&path))).await;
        assert!(!matches!(answer.status.as_u16(), 404 | 405 | 500), "{route}: {answer:?}");
    }
}

#[tokio::test]
async fn only_pages_of_the_listed_origins_may_call() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_CORS_ORIGINS", "https://app.example.org")]).await;
    let preflight = async |origin: &str| {
        let ask = request(Method::OPTIONS, &server.url("/api/push/subscribe"))
            .header(ORIGIN, origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type");
        let answer = Answer::to(ask).await;
        answer.headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };

    assert_eq!(preflight("https://app.example.org").await.as_deref(), Some("https://app.example.org"));
    for foreign in ["https://app.example.org.evil.example", "http://app.example.org", "null"] {
        assert_eq!(preflight(foreign).await, None, "{foreign}");
    }
    // A cookie counts for them alone.
    let with_cookie = |origin: &'static str| {
        let ask = request(Method::GET, &server.url("/api/push/key")).header(ORIGIN, origin);
        Answer::to(ask.header("Cookie", format!("ec_token={}", installation.token(42))))
    };
    with_cookie("https://app.example.org").await.expect(200);
    with_cookie("https://evil.example").await.faulty_fields(403);
}
