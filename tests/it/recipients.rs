//! Whom we know: what services store, what the host keeps in a view, and what is forgotten.

use reqwest::Method;
use serde_json::json;
use sqlx::Executor;

use crate::support::events::{in_seconds, json_with};
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::mail_server::Mailbox;
use crate::support::push_service::plaintext;

const PATH: &str = "/api/users/42";

/// As the README shows it.
const VIEW: &str = "
    drop table eventcenter.recipients;
    create table public.users (
        id integer primary key, email varchar(100), full_name text, language text, zone text, asleep_from time, asleep_to time
    );
    create view eventcenter.recipients as
    select
        id as user_id, email, full_name as name, language as locale, zone as time_zone,
        asleep_from as quiet_from, asleep_to as quiet_to, null::text as digest, null::smallint as digest_hour
    from public.users";

#[tokio::test]
async fn the_hosts_own_users_can_stand_in_for_the_table() {
    let installation = Installation::fresh().await;
    let db = &installation.db;
    let (anna, boris) = (Mailbox::new(), Mailbox::new());
    db.pool().execute(VIEW).await.unwrap();
    // Boris is what hosts have: half of him is missing, and the rest is wrong.
    sqlx::query(
        "insert into public.users values
            (42, $1, 'Анна', 'ru', 'Europe/Moscow', null, null), (43, $2, E'Boris\\r\\nBcc: x@y.z', null, 'Mars/Base', '00:00', '23:59'),
            (44, null, null, null, null, null, null)",
    )
    .bind(&anna.address)
    .bind(&boris.address)
    .execute(db.pool())
    .await
    .unwrap();
    let server = installation.serve().await;

    server.sees(42, &json!({}), "email", "sent").await;
    assert_eq!(anna.mail(1).await[0]["headers"]["to"], json!([format!("Анна <{}>", anna.address)]));
    server.sees(43, &json!({"level": "critical"}), "email", "sent").await;
    assert_eq!(boris.mail(1).await[0]["headers"].get("bcc"), None);
    for nobody in [44, 45] {
        assert_eq!(server.sees(nobody, &json!({}), "email", "skipped").await["reason"], "no_address");
    }
    let known = server.service(Method::GET, PATH).await.expect(200).json();
    assert_eq!(
        (&known["email"], &known["time_zone"], &known["digest"]),
        (&json!(anna.address), &json!("Europe/Moscow"), &json!("off"))
    );
    db.assert_books_balance().await;
}

#[tokio::test]
async fn what_the_host_keeps_is_the_hosts_to_change() {
    let installation = Installation::fresh().await;
    let db = &installation.db;
    db.pool().execute(VIEW).await.unwrap();
    db.pool().execute("insert into public.users (id, email) values (42, 'anna@example.org')").await.unwrap();
    let server = installation.serve().await;
    let refused = |answer: crate::support::http::Answer| {
        assert_eq!((answer.faulty_fields(409), &answer.json()["code"]), (vec![], &json!("contacts_elsewhere")));
    };

    refused(server.service_json(Method::PUT, PATH, &json!({"email": "mallory@example.org"})).await);
    let both = json!({"digest": "daily", "types": {"job.done": {"push": false}}});
    refused(server.person_json(42, Method::PUT, "/api/preferences", &both).await);
    let preferences = server.person(42, Method::GET, "/api/preferences").await.expect(200).json();
    assert_eq!(preferences["types"]["job.done"]["push"], true, "nothing of it was changed");

    let types = json!({"types": both["types"]});
    server.person_json(42, Method::PUT, "/api/preferences", &types).await.expect(200);
    assert_eq!(server.sees(42, &json!({}), "push", "skipped").await["reason"], "preference");
    server.service(Method::DELETE, PATH).await.expect(204);
    let left = "select count(*) from public.users where email = 'anna@example.org'";
    assert_eq!((db.count(left).await, db.count("select count(*) from eventcenter.preferences").await), (1, 0));
}

#[tokio::test]
async fn a_contact_keeps_quiet_hours_and_cadence() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let contact = json!({
        "email": "anna@example.org", "name": "Анна", "locale": "ru", "time_zone": "Europe/Moscow",
        "quiet_hours": {"from": "22:00", "to": "08:00"}, "digest": "daily", "digest_hour": 18,
    });

    assert_eq!(server.service_json(Method::PUT, PATH, &contact).await.expect(200).json(), contact);

    let mut known = server.service(Method::GET, PATH).await.expect(200).json();
    let (types, suppressions) = (known["types"].take(), known["suppressions"].take());
    assert_eq!((types["job.done"]["ws"].as_bool(), suppressions), (Some(true), json!([])));
    for (field, value) in contact.as_object().unwrap() {
        assert_eq!(&known[field], value, "{field}");
    }
    for (wrong, field) in [
        (json!({"quiet_hours": {"from": "22:00", "to": "22:00"}}), "quiet_hours"),
        (json!({"quiet_hours": "at night"}), "quiet_hours"),
        (json!({"digest": "hourly"}), "digest"),
        (json!({"digest_hour": -1}), "digest_hour"),
    ] {
        assert_eq!(server.service_json(Method::PUT, PATH, &wrong).await.faulty_fields(400), [field], "{wrong}");
    }
}

#[tokio::test]
async fn who_is_erased_leaves_nothing_and_the_books_balance() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let db = &installation.db;
    server.mailbox(42, "en").await;
    let browser = server.browser(42).await;
    let ended = server.emit(&json_with(42, &json!({"id": "photo-7", "channels": ["ws", "push", "email"]}))).await;
    server.comes_to(&ended, "email", "sent").await;
    let token = plaintext(&browser.pushes(1).await[0])["ack"]["token"].clone();
    let displayed = json!({"token": token, "engagement": "displayed"});
    server.stranger_json(Method::POST, "/api/push/ack", &displayed).await.expect(204);
    server.comes_to(&ended, "push", "delivered").await;
    server.emit(&json_with(42, &json!({"deliver_at": in_seconds(3600), "channels": ["ws", "email"]}))).await;
    let kept = server.emit(&json_with(43, &json!({"channels": ["ws"]}))).await;
    let off = json!({"types": {"job.done": {"push": false}}});
    server.person_json(42, Method::PUT, "/api/preferences", &off).await.expect(200);
    server.service_json(Method::POST, "/api/suppressions", &json!({"user_id": 42})).await.expect(201);

    db.pool()
        .execute("insert into eventcenter.devices (user_id, device, acked_seq) values (42, 'phone', 1)")
        .await
        .unwrap();

    for _ in 0..2 {
        server.service(Method::DELETE, PATH).await.expect(204);
    }

    server.service(Method::GET, PATH).await.faulty_fields(404);
    server.service(Method::GET, "/api/events/photo-7").await.faulty_fields(404);
    for table in [
        "recipients",
        "push_subscriptions",
        "devices",
        "digests",
        "digest_items",
        "actions",
        "answers",
        "preferences",
        "suppressions",
        "deliveries",
        "event_keys",
        "attempts",
        "engagements",
    ] {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from eventcenter.{table}")))
            .fetch_one(db.pool())
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    server.comes_to(&kept, "ws", "sent").await;
    db.assert_books_balance().await;
    // Their stream goes on where it was, and who asks for what is gone is told so.
    let next = server.sees(42, &json!({}), "ws", "sent").await;
    assert_eq!(next["seq"], 2);
}

#[tokio::test]
async fn what_is_being_sent_is_forgotten_by_a_later_call() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"delay_ms": 1500, "status": 201}])).await;
    server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    browser.pushes(1).await;

    let answer = server.service(Method::DELETE, PATH).await;

    assert_eq!((answer.faulty_fields(409), &answer.json()["code"]), (vec![], &json!("in_flight")));
    assert_eq!(answer.header("retry-after"), "1");
    eventually(SOON, || async { (server.service(Method::DELETE, PATH).await.status == 204).then_some(()) }).await;
    assert_eq!(installation.db.count("select count(*) from eventcenter.events").await, 0);
    installation.db.assert_books_balance().await;
}
