//! Subscriptions that nobody may make: each a clear refusal that names the field, nothing stored, nobody dialled.

use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::installation::Installation;
use crate::support::push_service::Browser;
use crate::support::server::Server;

const SUBSCRIBE: &str = "/api/push/subscribe";

async fn stored(installation: &Installation) -> i64 {
    installation.db.count("select count(*) from eventcenter.push_subscriptions").await
}

fn has_been_dialled(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_ok()
}

/// The fields that are refused of a browser with these changed.
async fn refused(server: &Server<'_>, browser: &Browser, path: &str, value: Value) -> Vec<String> {
    let mut body = browser.subscription.clone();
    *body.pointer_mut(path).unwrap() = value;
    server.person_json(42, Method::POST, SUBSCRIBE, &body).await.faulty_fields(400)
}

#[tokio::test]
async fn an_endpoint_that_leads_home_is_refused_in_every_notation() {
    let installation = Installation::fresh().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port();
    // Two names of the kind that a stranger's own name server gives, which lead into our network.
    let hosts = format!("rebind.example.org={address},metadata.example.org=169.254.169.254:80");
    for policy in ["known", "public"] {
        let server = installation
            .serve_with(&[("EVENTCENTER_PUSH_ENDPOINTS", policy), ("EVENTCENTER_PUSH_HOSTS", &hosts)])
            .await;
        let browser = Browser::new(&installation.vapid_public_key).await;
        for endpoint in [
            "/relative".to_owned(),
            "foo".to_owned(),
            String::new(),
            format!("http://rebind.example.org:{port}/x"),
            "http://fcm.googleapis.com/fcm/send/x".to_owned(),
            "file:///etc/passwd".to_owned(),
            "https://user:password@fcm.googleapis.com/x".to_owned(),
            "https://fcm.googleapis.com:8443/x".to_owned(),
            format!("https://127.0.0.1:{port}/x"),
            "https://127.0.0.1/x".to_owned(),
            "https://2130706433/x".to_owned(),
            "https://0x7f.1/x".to_owned(),
            "https://0177.0.0.1/x".to_owned(),
            "https://[::1]/x".to_owned(),
            "https://[::ffff:127.0.0.1]/x".to_owned(),
            "https://100.64.0.1/x".to_owned(),
            "https://10.0.0.1/x".to_owned(),
            "https://8.8.8.8/x".to_owned(),
            "https://localhost/x".to_owned(),
            format!("https://localhost:{port}/x"),
            "https://rebind.example.org/x".to_owned(),
            "https://metadata.example.org/latest".to_owned(),
            "https://fcm.googleapis.com.invalid/x".to_owned(),
            format!("https://fcm.googleapis.com/{}", "x".repeat(3 * 1024)),
        ] {
            let fields = refused(&server, &browser, "/endpoint", json!(endpoint)).await;
            assert_eq!(fields, ["endpoint"], "{policy}: {endpoint}");
        }
    }
    assert_eq!(stored(&installation).await, 0);
    assert!(!has_been_dialled(&listener));
}

#[tokio::test]
async fn a_name_that_leads_home_later_is_not_dialled() {
    let installation = Installation::fresh().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hosts = format!("rebind.example.org={}", listener.local_addr().unwrap());
    let server =
        installation.serve_with(&[("EVENTCENTER_PUSH_ENDPOINTS", "public"), ("EVENTCENTER_PUSH_HOSTS", &hosts)]).await;
    // It was public when it was subscribed.
    sqlx::query(
        "insert into eventcenter.push_subscriptions (user_id, endpoint, p256dh, auth, vapid_key_id)
        select 42, 'https://rebind.example.org/x', decode($1, 'base64'), decode('AAECAwQFBgcICQoLDA0ODw==', 'base64'), $2",
    )
    .bind("BCVxsr7N/eNgVRqvHtD0zTZsEc6+VV+JvLexhqUzORcxaOzi6+AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=")
    .bind(server.person(42, Method::GET, "/api/push/key").await.json()["key_id"].as_str().unwrap())
    .execute(installation.db.pool())
    .await
    .unwrap();

    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;

    assert_eq!(server.comes_to(&id, "push", "failed").await["reason"], "bad_target");
    assert!(!has_been_dialled(&listener));
}

#[tokio::test]
async fn keys_that_nobody_could_encrypt_for_are_refused() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = Browser::new(&installation.vapid_public_key).await;
    let p256dh = browser.subscription["keys"]["p256dh"].as_str().unwrap();
    let off_the_curve = format!("{}AAAA", &p256dh[..p256dh.len() - 4]);
    for wrong in [json!(null), json!(7), json!(""), json!("!"), json!(&p256dh[..86]), json!(off_the_curve)] {
        assert_eq!(refused(&server, &browser, "/keys/p256dh", wrong.clone()).await, ["keys.p256dh"], "{wrong}");
    }
    for wrong in [json!(null), json!("AAAA"), json!(p256dh)] {
        assert_eq!(refused(&server, &browser, "/keys/auth", wrong.clone()).await, ["keys.auth"], "{wrong}");
    }
    let mut body = browser.subscription.clone();
    for (field, value, named) in [
        ("application_server_key", json!(p256dh), "application_server_key"),
        ("application_server_key", json!(7), "application_server_key"),
        ("device", json!({"name": "x".repeat(513)}), "device.name"),
        ("device", json!({"colour": "red"}), "device.colour"),
        ("device", json!("phone"), "device"),
    ] {
        body[field] = value;
        let answer = server.person_json(42, Method::POST, SUBSCRIBE, &body).await;
        assert_eq!(answer.faulty_fields(400), [named]);
        body[field] = json!(null);
    }
    assert_eq!(stored(&installation).await, 0);
    // As it is, it is good; and so it is in the other alphabet with padding.
    server.person_json(42, Method::POST, SUBSCRIBE, &body).await.expect(201);
    body["keys"]["p256dh"] = json!(format!("{}=", p256dh.replace('-', "+").replace('_', "/")));
    server.person_json(42, Method::POST, SUBSCRIBE, &body).await.expect(201);
    assert_eq!(stored(&installation).await, 1);
}

#[tokio::test]
async fn somebody_elses_endpoint_is_not_taken_over_by_whoever_knows_it() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    let thief = Browser::new(&installation.vapid_public_key).await;
    let mut body = thief.subscription.clone();
    body["endpoint"] = browser.subscription["endpoint"].clone();

    let answer = server.person_json(43, Method::POST, SUBSCRIBE, &body).await;

    assert_eq!(answer.faulty_fields(400), ["endpoint"]);
    assert_eq!((server.devices(42).await.len(), server.devices(43).await.len()), (1, 0));
    // What is refused leaves the browser alone whose place it would have taken.
    let own = server.browser(43).await;
    body["replaces"] = own.subscription.clone();
    assert_eq!(server.person_json(43, Method::POST, SUBSCRIBE, &body).await.faulty_fields(400), ["endpoint"]);
    assert_eq!(server.devices(43).await.len(), 1);
    let only_owner = server.person_json(43, Method::DELETE, SUBSCRIBE, &browser.subscription).await;
    only_owner.expect(204);
    assert_eq!(server.devices(42).await.len(), 1);
}

#[tokio::test]
async fn an_endpoint_with_a_backslash_is_one_like_any_other() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut browser = Browser::new(&installation.vapid_public_key).await;
    let endpoint = format!(r"{}?a=\134\xzz", browser.endpoint());
    browser.subscription["endpoint"] = json!(endpoint);

    for _ in 0..2 {
        server.subscribe(42, &browser).await;
    }
    assert_eq!(stored(&installation).await, 1);
    server.person_json(42, Method::DELETE, SUBSCRIBE, &browser.subscription).await.expect(204);
    assert_eq!(stored(&installation).await, 0);
}

#[tokio::test]
async fn a_devices_new_name_is_one_short_line() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = Browser::new(&installation.vapid_public_key).await;
    let id = server.subscribe(42, &browser).await;
    let path = format!("/api/push/devices/{id}");
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "ж".repeat(65)}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "Phone", "user_id": 43}), "user_id"),
    ] {
        let answer = server.person_json(42, Method::PATCH, &path, &body).await;
        assert_eq!(answer.faulty_fields(400), [field], "{body}");
    }
    for path in ["/api/push/devices/7", "/api/push/devices/00000000-0000-0000-0000-000000000000"] {
        server.person_json(42, Method::PATCH, path, &json!({"name": "Phone"})).await.faulty_fields(404);
    }
    server.person_json(42, Method::PATCH, &path, &json!({"name": "ж".repeat(64)})).await.expect(204);
}
