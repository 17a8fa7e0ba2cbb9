//! 2,000 browsers of five push services, one of which throttles and one hangs. `make bench` does it with 100,000.

use std::time::{Duration, Instant};

use eventcenter_workers::push::{VapidKey, decode_base64};
use serde_json::{Value, json};

use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::push_service::Browser;

/// Of each service.
const BROWSERS: i64 = 400;
/// Of one service's first person to the next one's.
const APART: i64 = 1000;
const WELL: [&str; 3] = ["fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"];
const THROTTLED: &str = "wns2.notify.windows.com";
const HANGING: &str = "jmt17.google.com";
/// Pushes that hang are given up after 15 seconds, and then their service is asked now and then.
const RECOVERY: Duration = Duration::from_mins(1);

/// As many browsers of one service, which share their keys. Theirs are the people from `number` times `APART` on.
async fn crowd(installation: &Installation, host: &str, number: i64) -> Browser {
    let browser = Browser::at(host, &installation.vapid_public_key).await;
    let key = |name: &str| decode_base64(browser.subscription["keys"][name].as_str().unwrap()).unwrap();
    let subscribe = "insert into eventcenter.push_subscriptions (user_id, endpoint, p256dh, auth, vapid_key_id)
        select n, $1 || '/' || n, $2, $3, $4 from generate_series($5, $5 + $6 - 1) as n";
    sqlx::query(subscribe)
        .bind(browser.endpoint())
        .bind(key("p256dh"))
        .bind(key("auth"))
        .bind(VapidKey::from_secret(&installation.vapid_secret).unwrap().id())
        .bind(number * APART)
        .bind(BROWSERS)
        .execute(installation.db.pool())
        .await
        .unwrap();
    browser
}

/// Tells the first people of each service something.
async fn tell(installation: &Installation, of_each: i64) {
    let emit = "insert into eventcenter.events (user_id, type, title, body, channels)
        select user_id, 'job.done', 'A title', 'A body', '{push}' from eventcenter.push_subscriptions
        where user_id % $1 < $2";
    sqlx::query(emit).bind(APART).bind(of_each).execute(installation.db.pool()).await.unwrap();
}

/// How long it takes until the services that are well have taken so many pushes in all.
async fn until_taken(installation: &Installation, pushes: i64) -> Duration {
    let began = Instant::now();
    let taken = "select count(*) from eventcenter.attempts where outcome = 'sent'";
    eventually(SOON * 3, || async { (installation.db.count(taken).await >= pushes).then_some(()) }).await;
    began.elapsed()
}

#[tokio::test]
async fn services_that_do_not_work_slow_no_other_and_lose_nothing() {
    let installation = Installation::fresh().await;
    let mut well = Vec::new();
    for (host, number) in WELL.into_iter().zip(1..) {
        well.push(crowd(&installation, host, number).await);
    }
    let services = i64::try_from(WELL.len()).unwrap();
    let _server = installation.serve().await;
    // So that no connection has to be made while the clock runs.
    tell(&installation, 1).await;
    until_taken(&installation, services).await;
    tell(&installation, BROWSERS).await;
    let alone = until_taken(&installation, services * (1 + BROWSERS)).await;

    let throttled = crowd(&installation, THROTTLED, services + 1).await;
    let hanging = crowd(&installation, HANGING, services + 2).await;
    let throttling = json!({"status": 429, "headers": {"Retry-After": "5"}});
    throttled.will_answer(&Value::Array(vec![throttling; 1000])).await;
    hanging.will_answer(&Value::Array(vec![json!({"hang": true}); 1000])).await;
    tell(&installation, BROWSERS).await;
    let beside = until_taken(&installation, services * (1 + 2 * BROWSERS)).await;

    assert!(beside < 3 * alone, "{beside:?} beside services that do not work, {alone:?} alone");
    installation.db.assert_books_balance().await;
    for recovered in [&throttled, &hanging] {
        recovered.will_answer(&json!([])).await;
    }
    eventually(RECOVERY, || async {
        installation.db.make_all_due().await;
        let outstanding =
            "select (select count(*) from eventcenter.deliveries) + (select count(*) from eventcenter.leases)";
        (installation.db.count(outstanding).await == 0).then_some(())
    })
    .await;
    let settled = "select count(*) from eventcenter.attempts where balance = 1 and outcome = 'sent'";
    assert_eq!(installation.db.count(settled).await, services * (1 + 2 * BROWSERS) + 2 * BROWSERS);
    installation.db.assert_books_balance().await;
    for browser in &well {
        assert_eq!(i64::try_from(browser.count().await).unwrap(), 1 + 2 * BROWSERS);
    }
}
