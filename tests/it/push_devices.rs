//! A person's browsers: subscribed, renewed, replaced, shared, named and removed.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::push_service::Browser;
use crate::support::server::Server;

const SUBSCRIBE: &str = "/api/push/subscribe";

fn a_push(user: i64) -> Value {
    json_with(user, &json!({"channels": ["push"]}))
}

fn with(browser: &Browser, fields: &Value) -> Value {
    let mut body = browser.subscription.clone();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

async fn subscribe(server: &Server<'_>, user: i64, body: &Value) -> Value {
    server.person_json(user, Method::POST, SUBSCRIBE, body).await.expect(201).json()["id"].clone()
}

async fn new_browser(installation: &Installation) -> Browser {
    Browser::new(&installation.vapid_public_key).await
}

#[tokio::test]
async fn a_device_says_what_it_is_and_its_owner_what_to_call_it() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = new_browser(&installation).await;
    let device = json!({"name": "Chrome", "platform": "Android", "user_agent": "Mozilla/5.0"});
    let id = subscribe(&server, 42, &with(&browser, &json!({"device": device}))).await;
    let path = format!("/api/push/devices/{}", id.as_str().unwrap());

    let listed = server.devices(42).await;
    assert_eq!((listed.len(), &listed[0]["id"], &listed[0]["name"]), (1, &id, &json!("Chrome")));
    assert_eq!((&listed[0]["platform"], &listed[0]["user_agent"]), (&device["platform"], &device["user_agent"]));
    assert!(listed[0].get("endpoint").is_none() && listed[0].get("auth").is_none(), "{listed:?}");
    let endpoint = browser.subscription["endpoint"].as_str().unwrap();
    assert_eq!(listed[0]["endpoint_sha256"], hex(digest(&SHA256, endpoint.as_bytes()).as_ref()), "how it finds itself");

    let rename = json!({"name": "Anna's phone"});
    server.person_json(42, Method::PATCH, &path, &rename).await.expect(204);
    // Its page shows the subscription again at every load.
    assert_eq!(subscribe(&server, 42, &with(&browser, &json!({"device": device}))).await, id);
    assert_eq!(server.devices(42).await[0]["name"], "Anna's phone");

    // Nobody else's hands reach it.
    assert_eq!(server.devices(43).await, Vec::<Value>::new());
    server.person_json(43, Method::PATCH, &path, &rename).await.faulty_fields(404);
    server.person(43, Method::DELETE, &path).await.faulty_fields(404);
    server.get("/api/push/devices").await.faulty_fields(401);
    server.person(42, Method::DELETE, &path).await.expect(204);
    server.person(42, Method::DELETE, &path).await.faulty_fields(404);
    assert_eq!(server.devices(42).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_shared_browser_is_whoever_subscribed_last() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = new_browser(&installation).await;
    let id = subscribe(&server, 42, &with(&browser, &json!({"device": {"name": "Anna's"}}))).await;
    let rename = json!({"name": "Mine"});
    let path = format!("/api/push/devices/{}", id.as_str().unwrap());
    server.person_json(42, Method::PATCH, &path, &rename).await.expect(204);

    subscribe(&server, 43, &browser.subscription).await;

    assert_eq!(server.devices(42).await, Vec::<Value>::new());
    let moved = server.devices(43).await;
    assert_eq!((moved.len(), &moved[0]["name"]), (1, &json!(null)), "the name was somebody else's");
    let (to_first, to_second) = (server.emit(&a_push(42)).await, server.emit(&a_push(43)).await);
    server.comes_to(&to_first, "push", "skipped").await;
    server.comes_to(&to_second, "push", "sent").await;
    browser.pushes(1).await;
}

#[tokio::test]
async fn a_service_worker_without_a_token_replaces_its_subscription_by_proof() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (old, new) = (new_browser(&installation).await, new_browser(&installation).await);
    let id = subscribe(&server, 42, &with(&old, &json!({"device": {"name": "Chrome"}}))).await;
    let stranger = async |body: Value| server.stranger_json(Method::POST, SUBSCRIBE, &body).await;
    let replaces = |endpoint: &Value, auth: &Value| json!({"endpoint": endpoint, "keys": {"auth": auth}});
    let (endpoint, auth) = (&old.subscription["endpoint"], &old.subscription["keys"]["auth"]);

    stranger(new.subscription.clone()).await.faulty_fields(401);
    let guesses =
        [replaces(endpoint, &new.subscription["keys"]["auth"]), replaces(&new.subscription["endpoint"], auth)];
    for guess in guesses {
        stranger(with(&new, &json!({"replaces": guess}))).await.faulty_fields(401);
    }
    let malformed = [
        (json!("old"), vec!["replaces.endpoint", "replaces.keys.auth"]),
        (replaces(&json!("a\0b"), auth), vec!["replaces.endpoint"]),
        (replaces(endpoint, &json!("AAAA")), vec!["replaces.keys.auth"]),
    ];
    for (replaces, fields) in malformed {
        assert_eq!(stranger(with(&new, &json!({"replaces": replaces}))).await.faulty_fields(400), fields);
    }
    assert_eq!(server.devices(42).await[0]["id"], id);

    // Twice, since the first answer may be lost.
    for _ in 0..2 {
        let done = stranger(with(&new, &json!({"replaces": replaces(endpoint, auth)}))).await.expect(201);
        assert_eq!(done.json()["id"], id);
    }

    let devices = server.devices(42).await;
    assert_eq!((devices.len(), &devices[0]["id"], &devices[0]["name"]), (1, &id, &json!("Chrome")));
    let event = server.emit(&a_push(42)).await;
    server.comes_to(&event, "push", "sent").await;
    new.pushes(1).await;
    assert_eq!(old.count().await, 0);
}

#[tokio::test]
async fn of_two_renewals_at_once_one_takes_the_old_place_and_the_other_is_a_browser_of_its_own() {
    const LOCKS: &str = "select count(*) from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())";
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let old = new_browser(&installation).await;
    let id = subscribe(&server, 42, &old.subscription).await;
    let renewals = [new_browser(&installation).await, new_browser(&installation).await];
    let bodies = renewals.each_ref().map(|new| with(new, &json!({"replaces": old.subscription})));
    let mut held = installation.db.pool().begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('eventcenter.push_subscriptions', 42))")
        .execute(&mut *held)
        .await
        .unwrap();

    let (one, two, ()) = tokio::join!(subscribe(&server, 42, &bodies[0]), subscribe(&server, 42, &bodies[1]), async {
        eventually(SOON, async || (installation.db.count(LOCKS).await == 2).then_some(())).await;
        held.commit().await.unwrap();
    });

    assert!(one != two && [&one, &two].contains(&&id), "{one} {two}");
    assert_eq!(server.devices(42).await.len(), 2);
}

#[tokio::test]
async fn twenty_browsers_are_enough_for_anybody_however_many_come_at_once() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = new_browser(&installation).await;
    let endpoint = browser.endpoint().to_owned();
    let numbered = |number: usize| {
        let mut body = browser.subscription.clone();
        body["endpoint"] = json!(format!("{endpoint}-{number}"));
        body
    };

    let bodies: Vec<Value> = (0..100).map(numbered).collect();
    let all = bodies.iter().map(|body| server.person_json(42, Method::POST, SUBSCRIBE, body));
    let answers = futures_util::future::join_all(all).await;

    let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status.as_u16() == 201);
    assert_eq!((stored.len(), server.devices(42).await.len()), (20, 20));
    for answer in refused {
        assert_eq!((answer.faulty_fields(409), &answer.json()["code"]), (vec![], &json!("too_many_browsers")));
    }
    // One that it has already is renewed, and one that takes another's place fits.
    let first = installation.db.count("select count(*) from eventcenter.push_subscriptions").await;
    let kept: String = sqlx::query_scalar("select endpoint from eventcenter.push_subscriptions limit 1")
        .fetch_one(installation.db.pool())
        .await
        .unwrap();
    let mut again = browser.subscription.clone();
    again["endpoint"] = json!(kept);
    subscribe(&server, 42, &again).await;
    let mut instead = numbered(1000);
    instead["replaces"] = again.clone();
    subscribe(&server, 42, &instead).await;
    assert_eq!(installation.db.count("select count(*) from eventcenter.push_subscriptions").await, first);
    // Somebody else's room is their own.
    subscribe(&server, 43, &numbered(1001)).await;
}

#[tokio::test]
async fn keys_are_rotated_while_browsers_of_the_old_one_still_get_theirs() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let old = server.browser(42).await;
    let key = server.person(42, Method::GET, "/api/push/key").await.expect(200).json();
    assert_eq!(key["key"], json!(installation.vapid_public_key));
    server.stop();
    server.ended().await;
    let new_key = eventcenter_workers::push::VapidKey::generate().unwrap();
    let keys = format!("{},{}", new_key.secret().unwrap(), installation.vapid_secret);

    let server = installation.serve_with(&[("EVENTCENTER_VAPID_KEYS", &keys)]).await;

    let rotated = server.person(42, Method::GET, "/api/push/key").await.expect(200).json();
    assert_eq!(rotated, json!({"key": new_key.public_key(), "key_id": new_key.id()}));
    // Its page has not been open since, or says itself which key it has.
    for fields in [json!({}), json!({"application_server_key": installation.vapid_public_key})] {
        subscribe(&server, 42, &with(&old, &fields)).await;
        assert_eq!(server.devices(42).await[0]["key_id"], key["key_id"]);
    }
    let id = server.emit(&a_push(42)).await;
    server.comes_to(&id, "push", "sent").await;
    assert_eq!(old.pushes(1).await[0]["vapid"]["public_key"], json!(installation.vapid_public_key));
    // Then it compares the keys, and subscribes anew.
    let new = Browser::new(&new_key.public_key()).await;
    let fields = json!({"application_server_key": new_key.public_key(), "replaces": old.subscription});
    subscribe(&server, 42, &with(&new, &fields)).await;
    assert_eq!(server.devices(42).await[0]["key_id"], new_key.id());
    let id = server.emit(&a_push(42)).await;
    server.comes_to(&id, "push", "sent").await;
    assert_eq!(new.pushes(1).await[0]["vapid"]["public_key"], json!(new_key.public_key()));
}
