//! What a person switched off is not sent, on any channel, and its status says why.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::events::json_with;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::sql::insert;

const PATH: &str = "/api/preferences";
const CHANNELS: [&str; 3] = ["ws", "push", "email"];

async fn prefer(server: &Server<'_>, user: i64, preferences: &Value) -> Value {
    server.person_json(user, Method::PUT, PATH, preferences).await.expect(200).json()
}

#[tokio::test]
async fn what_a_person_switched_off_reaches_them_on_no_channel_and_says_so() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (mailbox, browser) = (server.mailbox(42, "en").await, server.browser(42).await);
    let session = server.session(42, "").await;
    let everywhere = json_with(42, &json!({"channels": CHANNELS}));

    prefer(&server, 42, &json!({"types": {"job.done": {"ws": false, "push": false, "email": false}}})).await;
    let mut service = installation.db.connect_as_emitter().await;
    service
        .execute(AssertSqlSafe(insert(&json_with(42, &json!({"id": "by-sql", "channels": CHANNELS})))))
        .await
        .unwrap();
    let by_http = server.emit(&everywhere).await;

    for id in ["by-sql", &by_http] {
        for channel in CHANNELS {
            assert_eq!(server.comes_to(id, channel, "skipped").await["reason"], "preference", "{id} {channel}");
        }
    }
    // The stream has no hole where they were.
    let other = server.emit(&json_with(42, &json!({"type": "task.created"}))).await;
    let frame = session.frame(0).await;
    assert_eq!((&frame["seq"], &frame["prev"], &frame["event"]["id"]), (&json!(1), &json!(0), &json!(other)));

    prefer(&server, 42, &json!({"types": {}})).await;
    let wanted = server.emit(&everywhere).await;
    for channel in CHANNELS {
        server.comes_to(&wanted, channel, "sent").await;
    }
    mailbox.mail(1).await;
    browser.pushes(1).await;
    session.frame(1).await;
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_switch_is_for_one_person_one_type_and_one_channel() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (mailbox, _) = (server.mailbox(42, "en").await, server.browser(42).await);
    server.browser(43).await;

    prefer(&server, 42, &json!({"types": {"job.done": {"push": false}}})).await;

    assert_eq!(server.sees(42, &json!({}), "push", "skipped").await["reason"], "preference");
    server.sees(42, &json!({}), "ws", "sent").await;
    server.sees(42, &json!({}), "email", "sent").await;
    server.sees(42, &json!({"type": "action.required"}), "push", "sent").await;
    server.sees(43, &json!({}), "push", "sent").await;
    mailbox.mail(1).await;
}

#[tokio::test]
async fn nobody_can_switch_a_critical_system_alert_off_in_their_stream() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let alert = |level: &str| json!({"type": "system.alert", "level": level});

    prefer(&server, 42, &json!({"types": {"system.alert": {"ws": false, "push": false}}})).await;

    server.sees(42, &alert("critical"), "ws", "sent").await;
    assert_eq!(server.sees(42, &alert("error"), "ws", "skipped").await["reason"], "preference");
    assert_eq!(server.sees(42, &alert("critical"), "push", "skipped").await["reason"], "preference");
}

#[tokio::test]
async fn preferences_show_every_type_and_keep_what_is_not_mentioned() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let on = json!({"ws": true, "push": true, "email": true});

    let fresh = server.person(42, Method::GET, PATH).await.expect(200).json();
    for kind in ["job.done", "action.required", "message.new", "reminder.due", "system.alert", "task.created"] {
        assert_eq!(fresh["types"][kind], on, "{kind}");
    }
    assert_eq!(
        (&fresh["time_zone"], &fresh["quiet_hours"], &fresh["digest"]),
        (&json!("UTC"), &json!(null), &json!("off"))
    );

    let quiet_hours = json!({"from": "22:00", "to": "08:00"});
    let change = json!({"types": {"photo.shared": {"ws": false}, "job.done": {}}, "quiet_hours": quiet_hours, "digest": "weekly", "digest_hour": 7});
    let changed = prefer(&server, 42, &change).await;
    assert_eq!((&changed["types"]["job.done"], &changed["types"]["photo.shared"]["ws"]), (&on, &json!(false)));

    let zoned = prefer(&server, 42, &json!({"time_zone": "Europe/Moscow"})).await;
    assert_eq!(zoned["types"], changed["types"]);
    assert_eq!((&zoned["time_zone"], &zoned["quiet_hours"]), (&json!("Europe/Moscow"), &quiet_hours));
    assert_eq!((&zoned["digest"], &zoned["digest_hour"]), (&json!("weekly"), &json!(7)));
    assert_eq!(server.person(42, Method::GET, PATH).await.expect(200).json(), zoned);

    let awake = prefer(&server, 42, &json!({"quiet_hours": null})).await;
    assert_eq!((&awake["quiet_hours"], &awake["digest"]), (&json!(null), &json!("weekly")));
    let others = server.person(43, Method::GET, PATH).await.expect(200).json();
    assert_eq!(others, fresh);
}

#[tokio::test]
async fn bad_preferences_are_named_field_by_field_and_change_nothing() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let before = server.person(42, Method::GET, PATH).await.expect(200).json();

    for (preferences, fields) in [
        (json!({"types": {"job.done": {"sms": false}}}), vec!["types.job.done"]),
        (json!({"types": {"job.done": {"ws": null}}}), vec!["types.job.done"]),
        (json!({"types": [], "quiet_hours": {"from": "8", "to": "9"}}), vec!["quiet_hours", "types"]),
        (json!({"quiet_hours": {"from": "08:00", "to": "08:00"}}), vec!["quiet_hours"]),
        (
            json!({"time_zone": "Mars/Base", "digest": "hourly", "digest_hour": 24}),
            vec!["time_zone", "digest", "digest_hour"],
        ),
        (json!({"colour": "red", "types": {"job.done": {"ws": false}}}), vec!["colour"]),
    ] {
        let answer = server.person_json(42, Method::PUT, PATH, &preferences).await;
        assert_eq!(answer.faulty_fields(400), fields, "{preferences}");
    }

    assert_eq!(server.person(42, Method::GET, PATH).await.expect(200).json(), before);
    // They are a person's own: a service's key opens them no more than nothing does.
    server.service(Method::GET, PATH).await.faulty_fields(401);
    server.get(PATH).await.faulty_fields(401);
}
