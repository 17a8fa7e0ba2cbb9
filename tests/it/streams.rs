//! A person's stream is dense: 1, 2, 3 …, in the order in which it was made visible.

use std::sync::atomic::{AtomicBool, Ordering};

use eventcenter::committer::Committer;
use eventcenter_core::delivery::Channel;
use eventcenter_core::event::NewEvent;
use eventcenter_core::id::{EventId, Seq, UserId};
use eventcenter_core::store::{KeeperSession, StreamHead};
use eventcenter_core::tasks::Tasks;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::database::Database;
use crate::support::events::{an_event, an_event_with, id_of, in_seconds, json_with};
use crate::support::eventually::{SOON, eventually};
use crate::support::sql::insert;

const PEOPLE: i64 = 3;

fn user(id: i64) -> UserId {
    UserId::new(id).unwrap()
}

fn to_stream(id: i64) -> NewEvent {
    an_event_with(id, &json!({"channels": ["ws"]}))
}

async fn seqs_after(db: &Database, id: i64, after: Seq) -> Vec<Seq> {
    let mut streams = db.store().read_streams(&[(user(id), after)], 1000).await.unwrap();
    streams.remove(&user(id)).unwrap_or_default().iter().map(|entry| entry.seq).collect()
}

async fn last_seq(db: &Database, id: i64) -> Seq {
    db.store().stream_heads(&[user(id)]).await.unwrap().get(&user(id)).map_or(Seq(0), |head| head.last)
}

/// Reads until the writers are done and everything is read, as a session does; every number must be the next.
async fn read_along(db: &Database, id: i64, is_written: &AtomicBool) -> Seq {
    let mut cursor = Seq(0);
    loop {
        let was_written = is_written.load(Ordering::SeqCst);
        let entries = seqs_after(db, id, cursor).await;
        for seq in &entries {
            assert_eq!(seq.0, cursor.0 + 1, "person {id}: {seq} follows {cursor}");
            cursor = *seq;
        }
        if was_written && entries.is_empty() {
            return cursor;
        }
        tokio::task::yield_now().await;
    }
}

/// A service whose transactions overlap with everyone's, in random order, some of them taken back. Answers how many
/// events each person was told of.
async fn write_by_sql(db: &Database, seed: u64) -> Vec<i64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut service = db.connect_as_emitter().await;
    let mut told = vec![0; usize::try_from(PEOPLE).unwrap() + 1];
    for _ in 0..20 {
        let mut transaction = service.begin().await.unwrap();
        let people: Vec<i64> = (0..random.random_range(1..4)).map(|_| random.random_range(1..=PEOPLE)).collect();
        for person in &people {
            let statement = insert(&json_with(*person, &json!({"channels": ["ws"]})));
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await.unwrap();
            // Stays open for a while: others begin later and commit earlier.
            for _ in 0..random.random_range(0..5) {
                sqlx::query("select pg_sleep(0.001)").execute(&mut *transaction).await.unwrap();
            }
        }
        if random.random_bool(0.2) {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
            for person in people {
                told[usize::try_from(person).unwrap()] += 1;
            }
        }
    }
    told
}

async fn write_by_http(db: &Database, seed: u64) -> Vec<i64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut told = vec![0; usize::try_from(PEOPLE).unwrap() + 1];
    for _ in 0..40 {
        let people: Vec<i64> = (0..random.random_range(1..20)).map(|_| random.random_range(1..=PEOPLE)).collect();
        let events: Vec<NewEvent> = people.iter().map(|person| to_stream(*person)).collect();
        db.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap();
        for person in people {
            told[usize::try_from(person).unwrap()] += 1;
        }
    }
    told
}

async fn append_along(db: &Database, is_written: &AtomicBool) {
    let mut keeper = KeeperSession::connect(db.url()).await.unwrap();
    loop {
        let was_written = is_written.load(Ordering::SeqCst);
        let appended = keeper.append_due(50, None).await.unwrap();
        if was_written && appended == 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_transactions_never_make_a_reader_skip_a_number() {
    let db = Database::fresh().await;
    let (is_written, is_appended) = (AtomicBool::new(false), AtomicBool::new(false));
    let writing = async {
        let by_sql = join_all((0..4).map(|seed| write_by_sql(&db, seed)));
        let by_http = join_all((10..12).map(|seed| write_by_http(&db, seed)));
        let (by_sql, by_http) = tokio::join!(by_sql, by_http);
        is_written.store(true, Ordering::SeqCst);
        by_sql.into_iter().chain(by_http).collect::<Vec<Vec<i64>>>()
    };
    let appending = async {
        append_along(&db, &is_written).await;
        is_appended.store(true, Ordering::SeqCst);
    };
    let reading = join_all((1..=PEOPLE).map(|person| read_along(&db, person, &is_appended)));

    let (told, (), read) = tokio::join!(writing, appending, reading);

    for (person, last) in (1..).zip(read) {
        let wanted: i64 = told.iter().map(|told| told[person]).sum();
        assert!(wanted > 0);
        assert_eq!(last, Seq(wanted), "person {person}");
    }
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_batch_keeps_its_order_in_the_stream() {
    let db = Database::fresh().await;
    let events: Vec<NewEvent> = (0..500).map(|_| to_stream(42)).collect();

    let emitted = db.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap();

    let said: Vec<EventId> = emitted.iter().map(id_of).collect();
    let streams = db.store().read_streams(&[(user(42), Seq(0))], 1000).await.unwrap();
    let seen: Vec<EventId> = streams[&user(42)].iter().map(|entry| entry.planned.event.id).collect();
    assert!(seen == said, "500 events in another order");
}

/// A delivery that the same transaction deletes again would cost every claim a step until the next vacuum.
#[tokio::test]
async fn what_a_batch_appends_at_once_was_never_a_delivery() {
    let db = Database::fresh().await;
    let muted = "insert into eventcenter.event_types (type, channels, noise) values ('job.step', '{ws}', '{ws}')";
    db.pool().execute(muted).await.unwrap();
    let noise = an_event_with(42, &json!({"type": "job.step"}));
    let later = an_event_with(42, &json!({"channels": ["ws"], "deliver_at": in_seconds(3600)}));

    let emitted = db.store().emit(&[&to_stream(42), &noise]).await.unwrap();
    let pages = db.count("select pg_relation_size('eventcenter.deliveries')").await;
    let scheduled = db.store().emit(&[&later]).await.unwrap();

    let ids: Vec<EventId> = emitted.iter().chain(&scheduled).map(id_of).collect();
    let states = join_all(ids.iter().map(|id| db.state(*id, Channel::Ws))).await;
    assert_eq!((pages, states), (0, ["sent", "skipped: noise", "scheduled"].map(str::to_owned).to_vec()));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn what_follows_a_cursor_is_read_for_many_people_at_once_and_bounded() {
    let db = Database::fresh().await;
    let events: Vec<NewEvent> = [1, 2, 1, 1, 2].map(to_stream).into_iter().collect();
    db.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap();

    let streams = db.store().read_streams(&[(user(1), Seq(1)), (user(2), Seq(2)), (user(3), Seq(0))], 1).await.unwrap();

    assert_eq!(streams.len(), 1);
    assert_eq!(streams[&user(1)].iter().map(|entry| entry.seq).collect::<Vec<_>>(), [Seq(2)]);
}

#[tokio::test]
async fn an_expired_event_takes_no_number_and_says_why() {
    let db = Database::fresh().await;
    let late = an_event_with(42, &json!({"channels": ["ws"], "expires_at": "2020-01-01T00:00:00Z"}));

    let emitted = db.store().emit(&[&to_stream(42), &late, &to_stream(42)]).await.unwrap();

    assert_eq!(seqs_after(&db, 42, Seq(0)).await, [Seq(1), Seq(2)]);
    assert_eq!(db.state(id_of(&emitted[1]), Channel::Ws).await, "skipped: expired");
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_scheduled_event_takes_its_place_when_it_is_due() {
    let db = Database::fresh().await;
    let scheduled: String = sqlx::query_scalar(
        r#"select eventcenter.emit(jsonb_build_object('user_id', 42, 'type', 'task.created', 'title', 'Later', 'body', '',
            'deliver_at', to_char(now() at time zone 'UTC' + interval '300 ms', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))"#,
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    let scheduled = EventId::parse(&scheduled).unwrap();
    assert_eq!(db.state(scheduled, Channel::Ws).await, "scheduled");
    db.store().emit(&[&to_stream(42)]).await.unwrap();

    let keeper = KeeperSession::connect(db.url()).await.unwrap();
    let keeper = tokio::sync::Mutex::new(keeper);
    eventually(SOON, || async {
        keeper.lock().await.append_due(10, None).await.unwrap();
        (last_seq(&db, 42).await == Seq(2)).then_some(())
    })
    .await;

    let streams = db.store().read_streams(&[(user(42), Seq(1))], 10).await.unwrap();
    assert_eq!(streams[&user(42)][0].planned.event.id, scheduled);
}

/// As appends do: otherwise one of the two would be the victim of a deadlock.
#[tokio::test]
async fn a_trim_locks_streams_in_the_order_of_their_people() {
    let db = Database::fresh().await;
    for user in (1..=50).rev() {
        db.store().emit(&[&to_stream(user)]).await.unwrap();
    }
    let aged = "update eventcenter.inbox set at = at - interval '91 days'";
    sqlx::query(aged).execute(db.pool()).await.unwrap();
    let mut append = db.pool().begin().await.unwrap();
    append.execute("select from eventcenter.streams where user_id = 1 for update").await.unwrap();

    let store = db.store().clone();
    let trim = Tasks::default();
    trim.spawn(async move { assert_eq!(store.trim_inbox(90, 1000).await.unwrap(), 50) });
    let waits = "select count(*) from pg_locks as l join pg_stat_activity as a using (pid)
        where not l.granted and a.datname = current_database()";
    eventually(SOON, || async { (db.count(waits).await > 0).then_some(()) }).await;
    append.execute("select from eventcenter.streams where user_id > 1 for update nowait").await.unwrap();

    append.commit().await.unwrap();
    assert!(trim.drain(SOON).await);
    assert_eq!(db.count("select count(*) from eventcenter.inbox").await, 0);
}

#[tokio::test]
async fn a_stream_is_trimmed_from_its_beginning_and_says_so() {
    let db = Database::fresh().await;
    let events: Vec<NewEvent> = (0..5).map(|_| to_stream(42)).chain([an_event(43)]).collect();
    db.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap();
    let aged = "update eventcenter.inbox set at = at - interval '91 days' where user_id = 42 and seq <= 3";
    sqlx::query(aged).execute(db.pool()).await.unwrap();

    assert_eq!(db.store().trim_inbox(90, 1000).await.unwrap(), 3);

    assert_eq!(seqs_after(&db, 42, Seq(0)).await, [Seq(4), Seq(5)]);
    let heads = db.store().stream_heads(&[user(42), user(43), user(44)]).await.unwrap();
    assert_eq!(heads[&user(42)], StreamHead { last: Seq(5), trimmed_to: Seq(3) });
    assert_eq!(heads[&user(43)], StreamHead { last: Seq(1), trimmed_to: Seq(0) });
    assert_eq!(heads.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_request_says_to_a_person_is_stored_in_its_order() {
    const EACH: usize = 500;
    let db = Database::fresh().await;
    let tasks = Tasks::default();
    let committer = Committer::start(db.store(), &tasks);

    let emit = async |id: i64| {
        let events = (0..EACH).map(|n| an_event_with(id, &json!({"channels": ["ws"], "title": n.to_string()})));
        let intake = committer.intake();
        join_all(events.map(|event| intake.emit(event))).await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    };
    join_all((1..=PEOPLE).map(emit)).await;

    for id in 1..=PEOPLE {
        let streams = db.store().read_streams(&[(user(id), Seq(0))], 1000).await.unwrap();
        let titles: Vec<usize> =
            streams[&user(id)].iter().map(|entry| entry.planned.event.title.parse().unwrap()).collect();
        assert!(titles.iter().copied().eq(0..EACH), "person {id}: {titles:?}");
    }
    drop(committer);
    assert!(tasks.drain(SOON).await);
}
