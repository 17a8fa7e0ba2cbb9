//! At night, push and mail wait for the morning of the person's own clock. What is critical does not.

use eventcenter_core::delivery::{Channel, Ruling};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::deliveries::a_claim;
use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;

/// Far from UTC and from every other zone here.
const ZONE: &str = "Asia/Kathmandu";

/// Quiet hours that have begun an hour ago on somebody's clock, and when they end.
fn night() -> (Value, Timestamp) {
    let now = Zoned::now().with_time_zone(TimeZone::get(ZONE).unwrap());
    let end = now.round(jiff::Unit::Minute).unwrap() + 2.hours();
    let hours = json!({
        "from": (&now - 1.hour()).strftime("%H:%M").to_string(),
        "to": end.strftime("%H:%M").to_string(),
    });
    (hours, end.timestamp())
}

/// Somebody with a mailbox, for whom it is night; when it ends.
async fn falls_asleep(server: &Server<'_>, user: i64, email: Option<&str>) -> Timestamp {
    let (hours, end) = night();
    let contact = json!({"email": email, "time_zone": ZONE, "quiet_hours": hours});
    server.service_json(Method::PUT, &format!("/api/users/{user}"), &contact).await.expect(200);
    end
}

async fn wakes_up(server: &Server<'_>, user: i64) {
    let change = json!({"quiet_hours": null});
    server.person_json(user, Method::PUT, "/api/preferences", &change).await.expect(200);
}

#[tokio::test]
async fn push_and_mail_wait_for_the_end_of_the_night_and_the_stream_does_not() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (mailbox, browser) = (server.mailbox(42, "en").await, server.browser(42).await);
    let end = falls_asleep(&server, 42, Some(&mailbox.address)).await;
    let session = server.session(42, "").await;

    let id = server.emit(&json_with(42, &json!({"channels": ["ws", "push", "email"]}))).await;

    session.frame(0).await;
    for channel in ["push", "email"] {
        let held = server.comes_to(&id, channel, "scheduled").await;
        assert_eq!((&held["reason"], held["due_at"].as_str()), (&json!("quiet_hours"), Some(&*end.to_string())));
        let attempts = held["attempts"].as_array().unwrap();
        assert_eq!((attempts.len(), &attempts[0]["outcome"], &attempts[0]["attempt"]), (1, &json!("held"), &json!(0)));
    }
    assert_eq!((mailbox.count().await, browser.count().await), (0, 0));
    assert_eq!(server.metric("eventcenter_deliveries_held_total{channel=\"push\"}").await, Some(1.0));
    installation.db.assert_books_balance().await;

    wakes_up(&server, 42).await;
    installation.db.make_all_due().await;
    for channel in ["push", "email"] {
        let sent = server.comes_to(&id, channel, "sent").await;
        assert_eq!((&sent["reason"], &sent["attempts"][1]["attempt"]), (&json!(null), &json!(1)), "no try was burned");
    }
    mailbox.mail(1).await;
    browser.pushes(1).await;
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn what_is_critical_wakes_people_and_others_are_not_asleep() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (mailbox, _) = (server.mailbox(42, "en").await, server.browser(42).await);
    server.browser(43).await;
    falls_asleep(&server, 42, Some(&mailbox.address)).await;

    server.sees(42, &json!({"level": "error"}), "push", "scheduled").await;
    server.sees(42, &json!({"level": "critical"}), "push", "sent").await;
    server.sees(42, &json!({"level": "critical"}), "email", "sent").await;
    server.sees(43, &json!({}), "push", "sent").await;
}

#[tokio::test]
async fn a_retry_that_comes_due_at_night_waits_too() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"status": 429, "headers": {"Retry-After": "3600"}}])).await;
    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    server.comes_to(&id, "push", "retrying").await;
    let end = falls_asleep(&server, 42, None).await;

    installation.db.make_all_due().await;

    let held = eventually(SOON, || async {
        let delivery = server.delivery(&id, "push").await;
        (delivery["due_at"] == end.to_string()).then_some(delivery)
    })
    .await;
    assert_eq!(held["state"], "retrying");
    assert_eq!(browser.count().await, 1);

    wakes_up(&server, 42).await;
    installation.db.make_all_due().await;
    let sent = server.comes_to(&id, "push", "sent").await;
    let last = sent["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["attempt"], browser.count().await), (&json!(2), 2), "the night was no try");
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn what_expires_during_the_night_is_not_sent_in_the_morning_and_what_is_taken_back_neither() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    let end = falls_asleep(&server, 42, None).await;
    let before = (end - SignedDuration::from_mins(30)).to_string();
    let expiring = server.emit(&json_with(42, &json!({"channels": ["push"], "expires_at": before}))).await;
    let regretted = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    server.comes_to(&expiring, "push", "scheduled").await;
    server.comes_to(&regretted, "push", "scheduled").await;

    let canceled = server.service(Method::POST, &format!("/api/events/{regretted}/cancel")).await.expect(200).json();

    assert_eq!(canceled["deliveries"], json!([{"channel": "push", "result": "canceled"}]));
    sqlx::query("update eventcenter.deliveries set expires_at = now()").execute(installation.db.pool()).await.unwrap();
    wakes_up(&server, 42).await;
    installation.db.make_all_due().await;
    assert_eq!(server.comes_to(&expiring, "push", "skipped").await["reason"], "expired");
    assert_eq!(browser.count().await, 0);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_lasting_retry_schedule_begins_when_the_night_ends() {
    let db = Database::fresh().await;
    db.plan(Channel::Push, 1).await;
    let asleep = "insert into eventcenter.recipients (user_id, quiet_from, quiet_to)
        select 1, (t - interval '1 hour')::time, (t + interval '1 hour')::time from (select now() at time zone 'UTC' as t) as n";
    sqlx::query(asleep).execute(db.pool()).await.unwrap();

    let message = db.claim("worker", 10).await.remove(0);
    let Ruling::Hold(until) = message.ruling else { panic!("{:?}", message.ruling) };
    assert_eq!(db.store().hold(message.lease, "worker", &[(message.event.id, until)]).await.unwrap(), 1);

    assert_eq!(db.count("select count(*) from eventcenter.leases").await, 0);
    let same = "select count(*) from eventcenter.deliveries where attempt = 0 and due_at = since and due_at > now()";
    assert_eq!(db.count(same).await, 1);
    assert!(db.claim_as(a_claim("worker", Channel::Push, 10)).await.is_empty());
    db.assert_books_balance().await;
}

/// Every half hour of a year that has both changes of the clock, reckoned by Postgres and by another library.
#[tokio::test]
async fn quiet_hours_end_on_time_on_every_day_of_the_year_and_its_changes_of_the_clock() {
    let db = Database::fresh().await;
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let moments: Vec<Timestamp> = (0..365 * 48).map(|n| start + SignedDuration::from_mins(30 * n)).collect();
    let asked: Vec<i64> = moments.iter().map(|moment| moment.as_second()).collect();
    for zone in ["Europe/Moscow", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"] {
        for (from, to) in
            [("22:00", "08:00"), ("01:15", "02:20"), ("23:00", "00:30"), ("09:00", "17:00"), ("18:00", "17:30")]
        {
            let answers: Vec<Option<i64>> = sqlx::query_scalar(
                "select extract(epoch from
                    eventcenter.quiet_until($1::text::time, $2::text::time, $3, to_timestamp(t)))::bigint
                from unnest($4::bigint[]) as t",
            )
            .bind(from)
            .bind(to)
            .bind(zone)
            .bind(&asked)
            .fetch_all(db.pool())
            .await
            .unwrap();

            for (at, answer) in moments.iter().zip(answers) {
                let expected = quiet_until(from, to, zone, *at);
                assert_eq!(answer, expected.map(Timestamp::as_second), "{from}-{to} {zone} at {at}");
                let Some(end) = expected else { continue };
                assert!(end > *at && end.duration_since(*at) <= SignedDuration::from_hours(25), "{zone} {at}: {end}");
                assert_eq!(quiet_until(from, to, zone, end), None, "{from}-{to} {zone}: still night at {end}");
            }
        }
    }
}

/// The same by jiff. An end that the clock shows twice is the second, one that it skips comes later.
fn quiet_until(from: &str, to: &str, zone: &str, at: Timestamp) -> Option<Timestamp> {
    let time = |text: &str| Time::strptime("%H:%M", text).unwrap();
    let (from, to) = (time(from), time(to));
    let local = at.to_zoned(TimeZone::get(zone).unwrap());
    let (day, now) = (local.date(), local.time());
    let is_quiet = if from < to { from <= now && now < to } else { from <= now || now < to };
    let day = if from > to && now >= from { day.tomorrow().unwrap() } else { day };
    let end = local.time_zone().to_ambiguous_zoned(day.to_datetime(to));
    is_quiet.then(|| end.later().unwrap().timestamp())
}

#[tokio::test]
async fn a_zone_that_postgres_does_not_know_is_utc_and_fails_nobody() {
    let db = Database::fresh().await;
    let sql =
        "select extract(epoch from eventcenter.quiet_until('22:00', '08:00', $1, '2026-07-01T23:00:00Z'))::bigint";
    let expected = "2026-07-02T08:00:00Z".parse::<Timestamp>().unwrap().as_second();
    for zone in [Some("Mars/Base"), Some(""), None, Some("UTC")] {
        let end: i64 = sqlx::query_scalar(sql).bind(zone).fetch_one(db.pool()).await.unwrap();
        assert_eq!(end, expected, "{zone:?}");
    }
}
