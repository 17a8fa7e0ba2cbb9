//! The keeper sees what nobody announces, and there is always one.

use std::time::{Duration, Instant};

use eventcenter_core::delivery::Channel;
use eventcenter_core::id::{EventId, UserId};
use eventcenter_core::store::{KeeperSession, Listener, Notice, Store};
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::keeper::{self, KeeperSettings};
use sqlx::Executor;
use sqlx::types::Uuid;

use crate::support::database::Database;
use crate::support::eventually::{SOON, eventually};

const LOOK: Duration = Duration::from_millis(25);
/// Backends that hold the keeper's lock: one row of `pg_locks` each.
const KEEPERS: &str = "select count(*) from pg_locks as l join pg_database as d on d.oid = l.database
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and d.datname = current_database()";

fn start_keeper(db: &Database) -> Tasks {
    start_keeper_with(db, Store::connect(db.url(), 2).unwrap())
}

fn start_keeper_with(db: &Database, store: Store) -> Tasks {
    let tasks = Tasks::default();
    let settings = KeeperSettings { url: db.url().to_owned(), look: LOOK, event_days: 180, inbox_days: 90 };
    tasks.spawn(keeper::run(store, settings, tasks.clone()));
    tasks
}

/// A service's own transaction, which tells nobody anything.
async fn insert(db: &Database, channels: &str) -> EventId {
    let statement = "insert into eventcenter.events (user_id, type, title, body, channels)
        values (42, 'job.done', 'Photo ready', '', $1::text[]) returning id";
    let id: Uuid = sqlx::query_scalar(statement).bind(channels).fetch_one(db.pool()).await.unwrap();
    EventId::from_row(id)
}

async fn is_appended(db: &Database, id: EventId) {
    eventually(SOON, || async { (db.state(id, Channel::Ws).await == "sent").then_some(()) }).await;
}

#[tokio::test]
async fn a_producers_transaction_notifies_nobody() {
    let db = Database::fresh().await;
    let mut listener = Listener::connect(db.url()).await.unwrap();

    insert(&db, "{ws,push,email}").await;
    sqlx::query("select pg_notify('eventcenter_due', 'email')").execute(db.pool()).await.unwrap();

    // Notifications come in the order of their commits, so there was none before the marker.
    assert_eq!(listener.next().await.unwrap(), Notice::Due(vec![Channel::Email]));
}

#[tokio::test]
async fn a_direct_insert_is_appended_and_its_node_and_workers_are_told() {
    let db = Database::fresh().await;
    let keeper = start_keeper(&db);
    is_appended(&db, insert(&db, "{ws}").await).await;
    let mut listener = Listener::connect(db.url()).await.unwrap();

    let id = insert(&db, "{ws,push}").await;

    let mut heard = vec![listener.next().await.unwrap(), listener.next().await.unwrap()];
    heard.sort_by_key(|notice| matches!(notice, Notice::Due(_)));
    assert_eq!(heard, [Notice::Streams(vec![UserId::new(42).unwrap()]), Notice::Due(vec![Channel::Push])]);
    is_appended(&db, id).await;
    assert!(keeper.drain(SOON).await);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn what_a_long_transaction_committed_late_is_found_as_well() {
    let db = Database::fresh().await;
    let keeper = start_keeper(&db);
    is_appended(&db, insert(&db, "{ws}").await).await;
    let id = insert(&db, "{push}").await;
    // Due long before anyone could see it, as after a transaction of an hour: below every floor.
    let late = "insert into eventcenter.deliveries (event_id, channel, user_id, due_at, since)
        select id, 'ws', user_id, now() - interval '1 hour', now() - interval '1 hour'
        from eventcenter.events where id = $1";
    sqlx::query("update eventcenter.events set channels = '{ws,push}' where id = $1")
        .bind(id.uuid())
        .execute(db.pool())
        .await
        .unwrap();
    sqlx::query(late).bind(id.uuid()).execute(db.pool()).await.unwrap();

    is_appended(&db, id).await;

    assert!(keeper.drain(SOON).await);
}

/// As after an hour without a keeper: what is below the floor does not wait for a sweep per batch.
#[tokio::test]
async fn an_old_backlog_is_appended_without_a_pause() {
    let db = Database::fresh().await;
    let backlog = "insert into eventcenter.events (user_id, type, title, body, channels, deliver_at, expires_at)
        select n % 100 + 1, 'job.done', 'Photo ready', '', '{ws}', now() - interval '1 hour',
            case when n % 2 = 0 then now() - interval '1 minute' end
        from generate_series(1, 20000) as n";
    sqlx::query(backlog).execute(db.pool()).await.unwrap();
    let began = Instant::now();
    let keeper = start_keeper(&db);

    eventually(SOON, || async { (db.count("select count(*) from eventcenter.deliveries").await == 0).then_some(()) })
        .await;

    assert!(began.elapsed() < Duration::from_secs(10), "a sweep a second takes 20 s: {:?}", began.elapsed());
    assert!(keeper.drain(SOON).await);
    db.assert_books_balance().await;
}

/// Requests that fill the pool must not keep the keeper from keeping.
#[tokio::test]
async fn a_rescue_does_not_wait_for_a_busy_pool() {
    let db = Database::fresh().await;
    let id = db.plan(Channel::Push, 1).await[0];
    db.claim("dies", 1).await;
    db.expire_leases().await;
    let store = Store::connect(db.url(), 1).unwrap();
    let mut locked = db.pool().begin().await.unwrap();
    locked.execute("lock table eventcenter.recipients").await.unwrap();
    let requests = store.clone();
    let request = Tasks::default();
    request.spawn(async move { drop(requests.contact(UserId::new(42).unwrap()).await.unwrap()) });
    let waiting = "select count(*) from pg_locks as l join pg_stat_activity as a using (pid)
        where not l.granted and a.datname = current_database()";
    eventually(SOON, || async { (db.count(waiting).await > 0).then_some(()) }).await;

    let keeper = start_keeper_with(&db, store);

    eventually(SOON, || async { (db.state(id, Channel::Push).await == "retrying: lease_expired").then_some(()) }).await;
    locked.rollback().await.unwrap();
    assert!(request.drain(SOON).await);
    assert!(keeper.drain(SOON).await);
}

#[tokio::test]
async fn there_is_one_keeper_and_another_takes_over_within_a_second() {
    let db = Database::fresh().await;
    let keepers = [start_keeper(&db), start_keeper(&db), start_keeper(&db)];
    is_appended(&db, insert(&db, "{ws}").await).await;
    assert_eq!(db.count(KEEPERS).await, 1);
    let kill =
        "select count(pg_terminate_backend(l.pid)) from pg_locks as l join pg_database as d on d.oid = l.database
        where l.locktype = 'advisory' and l.objsubid = 1 and d.datname = current_database()";

    assert_eq!(db.count(kill).await, 1);
    let began = Instant::now();
    is_appended(&db, insert(&db, "{ws}").await).await;

    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(db.count(KEEPERS).await, 1);
    for keeper in keepers {
        assert!(keeper.drain(SOON).await);
    }
}

#[tokio::test]
async fn a_keeper_that_stops_gives_its_lock_up() {
    let db = Database::fresh().await;
    let keeper = start_keeper(&db);
    is_appended(&db, insert(&db, "{ws}").await).await;

    assert!(keeper.drain(SOON).await);

    // Postgres lets go once it has noticed that the connection is closed.
    eventually(SOON, || async {
        let holders: i64 = sqlx::query_scalar(KEEPERS).fetch_one(db.pool()).await.unwrap();
        (holders == 0).then_some(())
    })
    .await;
    let mut next = KeeperSession::connect(db.url()).await.unwrap();
    assert!(next.try_lock().await.unwrap());
}

/// What waits for a worker that is not there, or for later, is no news forty times a second.
#[tokio::test]
async fn an_idle_keeper_is_silent() {
    let db = Database::fresh().await;
    insert(&db, "{push}").await;
    sqlx::query("update eventcenter.deliveries set due_at = due_at - interval '1 minute'")
        .execute(db.pool())
        .await
        .unwrap();
    let mut listener = Listener::connect(db.url()).await.unwrap();
    let keeper = start_keeper(&db);
    let last_look = "select (extract(epoch from max(a.query_start)) * 1000)::bigint from pg_stat_activity as a
        where a.datname = current_database() and a.query like '%append_due%' and a.pid <> pg_backend_pid()";
    let mut looks = std::collections::HashSet::new();
    for _ in 0..40 {
        let look = eventually(SOON, || async {
            let at: Option<i64> = sqlx::query_scalar(last_look).fetch_one(db.pool()).await.unwrap();
            at.filter(|at| !looks.contains(at))
        })
        .await;
        looks.insert(look);
    }

    sqlx::query("select pg_notify('eventcenter_due', 'email')").execute(db.pool()).await.unwrap();

    assert_eq!(listener.next().await.unwrap(), Notice::Due(vec![Channel::Email]));
    assert!(keeper.drain(SOON).await);
}
