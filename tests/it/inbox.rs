//! The counts of an inbox are exact, whatever is done to it, and cost nothing to know.

use eventcenter_core::event::{NewEvent, PublicId};
use eventcenter_core::id::{EventId, Seq, UserId};
use eventcenter_core::store::{
    InboxCursor, InboxEntry, InboxFilter, InboxPage, InboxQuery, KeeperSession, Mark, Marked, Sweep,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::database::Database;
use crate::support::events::{an_event_with, id_of};
use crate::support::plans::nodes_of;

mod model;
mod routes;

use model::Model;

const ANNA: UserId = UserId::from_row(42);
const MANY: i64 = 100_000;

fn to_inbox(user: UserId) -> NewEvent {
    an_event_with(user.get(), &json!({"channels": ["ws"]}))
}

fn query(filter: InboxFilter, limit: usize) -> InboxQuery {
    InboxQuery { filter, kind: None, service: None, before: None, limit }
}

/// Every entry by this filter, read in parts of `limit`.
async fn listed(db: &Database, user: UserId, filter: InboxFilter, limit: usize) -> Vec<InboxEntry> {
    let mut entries = Vec::new();
    let mut before: Option<InboxCursor> = None;
    loop {
        let page = db.store().inbox(user, &InboxQuery { before, ..query(filter, limit) }).await.unwrap();
        assert!(page.entries.len() <= limit);
        entries.extend(page.entries);
        before = page.next;
        if before.is_none() {
            return entries;
        }
    }
}

async fn counts(db: &Database, user: UserId) -> (i64, i64) {
    let InboxPage { unread, unseen, .. } = db.store().inbox(user, &query(InboxFilter::All, 1)).await.unwrap();
    (unread, unseen)
}

/// What counting every entry comes to.
async fn counted(db: &Database, user: UserId) -> (i64, i64) {
    let count =
        "select count(*) filter (where eventcenter.is_unread(i)), count(*) filter (where eventcenter.is_unseen(i))
        from eventcenter.inbox as i where user_id = $1";
    sqlx::query_as(count).bind(user.get()).fetch_one(db.pool()).await.unwrap()
}

/// Lets every snooze end now.
async fn wake_all(db: &Database) {
    let past = "update eventcenter.inbox set snoozed_until = now() - interval '1 s' where snoozed_until is not null";
    sqlx::query(past).execute(db.pool()).await.unwrap();
    let mut keeper = KeeperSession::connect(db.url()).await.unwrap();
    while keeper.return_snoozed(3).await.unwrap() > 0 {}
}

async fn forget_up_to(db: &Database, user: UserId, seq: Seq) {
    let aged = "update eventcenter.inbox set at = at - interval '91 days' where user_id = $1 and seq <= $2";
    sqlx::query(aged).bind(user.get()).bind(seq.0).execute(db.pool()).await.unwrap();
    db.store().trim_inbox(90, 1000).await.unwrap();
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// Does something at random, to the inbox and to the model; answers what it did.
async fn step(db: &Database, model: &mut Model, random: &mut StdRng) -> String {
    let some = model.some_ids(random);
    let names: Vec<PublicId> = some.iter().map(|id| PublicId::Id(*id)).collect();
    let up_to = Seq(random.random_range(0..=model.last_seq()));
    let marks = [Mark::Seen, Mark::Read, Mark::Unread, Mark::Archive, Mark::Unarchive, Mark::Snooze(in_an_hour())];
    match random.random_range(0..12) {
        0..=2 => {
            let events: Vec<NewEvent> = (0..random.random_range(1..4)).map(|_| to_inbox(ANNA)).collect();
            for emitted in db.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap() {
                model.append(id_of(&emitted));
            }
            "appended".to_owned()
        }
        3 => {
            wake_all(db).await;
            model.wake_all();
            "woke all".to_owned()
        }
        4 if random.random_bool(0.2) => {
            forget_up_to(db, ANNA, up_to).await;
            model.forget_up_to(up_to);
            format!("forgot up to {up_to}")
        }
        4..=6 => {
            let sweep = *[Sweep::Seen, Sweep::Read, Sweep::Archive].choose(random).unwrap();
            let marked = db.store().mark_up_to(ANNA, sweep, up_to).await.unwrap();
            assert_eq!(marked, model.sweep(sweep, up_to), "{sweep:?} up to {up_to}");
            format!("{sweep:?} up to {up_to}")
        }
        7 => {
            let marked = db.store().mark_entries(ANNA, Mark::Unsnooze, &names).await.unwrap();
            assert_eq!(marked, model.mark(Mark::Unsnooze, &some));
            "unsnoozed".to_owned()
        }
        _ => {
            let mark = *marks.choose(random).unwrap();
            let marked = db.store().mark_entries(ANNA, mark, &names).await.unwrap();
            assert_eq!(marked, model.mark(mark, &some), "{mark:?} {some:?}");
            format!("{mark:?} {}", some.len())
        }
    }
}

#[tokio::test]
async fn whatever_is_done_to_an_inbox_it_looks_as_a_plain_list_would() {
    for seed in 0..6 {
        let db = Database::fresh().await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut model = Model::default();
        let mut done = Vec::new();
        for _ in 0..60 {
            done.push(step(&db, &mut model, &mut random).await);
            let history = || format!("seed {seed}: {}", done.join(", "));
            assert_eq!(counts(&db, ANNA).await, model.counts(), "{}", history());
            for filter in [InboxFilter::All, InboxFilter::Unread, InboxFilter::Archived, InboxFilter::Snoozed] {
                let entries = listed(&db, ANNA, filter, random.random_range(1..8)).await;
                let ids: Vec<EventId> = entries.iter().map(|entry| entry.planned.event.id).collect();
                assert_eq!(ids, model.listed(filter), "{filter:?}, {}", history());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_and_appends_and_trims_that_race_each_other_lose_no_count() {
    let db = Database::fresh().await;
    db.store().emit(&[&to_inbox(ANNA)]).await.unwrap();
    let appending = async {
        for _ in 0..60 {
            db.store().emit(&[&to_inbox(ANNA), &to_inbox(UserId::from_row(43)), &to_inbox(ANNA)]).await.unwrap();
        }
    };
    let marking = join_all((0..3).map(|seed| {
        let db = &db;
        async move {
            let mut random = StdRng::seed_from_u64(seed);
            for _ in 0..60 {
                let up_to = Seq(random.random_range(0..100));
                let sweep = *[Sweep::Seen, Sweep::Read, Sweep::Archive].choose(&mut random).unwrap();
                db.store().mark_up_to(ANNA, sweep, up_to).await.unwrap();
                let entries = db.store().inbox(ANNA, &query(InboxFilter::All, 5)).await.unwrap().entries;
                let names: Vec<PublicId> = entries.iter().map(|entry| PublicId::Id(entry.planned.event.id)).collect();
                let mark = *[Mark::Unread, Mark::Read, Mark::Snooze(in_an_hour())].choose(&mut random).unwrap();
                db.store().mark_entries(ANNA, mark, &names).await.unwrap();
            }
        }
    }));
    let trimming = async {
        for seq in 1..30 {
            forget_up_to(&db, ANNA, Seq(seq)).await;
            wake_all(&db).await;
        }
    };

    tokio::join!(appending, marking, trimming);

    for user in [ANNA, UserId::from_row(43)] {
        assert_eq!(counts(&db, user).await, counted(&db, user).await);
    }
    assert_eq!(counts(&db, UserId::from_row(43)).await, (60, 60));
}

/// So many unread entries of events that are gone: nobody looks at events to count.
async fn fill(db: &Database, state: &str) {
    let fill = format!(
        "insert into eventcenter.inbox (user_id, seq, event_id, seen_at, read_at, archived_at)
        select 42, n, gen_random_uuid(), {state} from generate_series(1, {MANY}) as n"
    );
    sqlx::query(AssertSqlSafe(fill)).execute(db.pool()).await.unwrap();
    sqlx::query("analyze eventcenter.inbox").execute(db.pool()).await.unwrap();
}

async fn pages_of_a_list(db: &Database, filter: &str) -> u64 {
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    let list = format!("select * from eventcenter.inbox_page(42, '{filter}', 9223372036854775807, 0, 51)");
    // Prepares the catalogue's pages, which every session reads once.
    connection.execute(AssertSqlSafe(list.clone())).await.unwrap();
    nodes_of(&mut connection, &list, "as place").await[0].pages
}

#[tokio::test]
async fn a_hundred_thousand_unread_are_counted_without_a_scan() {
    let db = Database::fresh().await;
    fill(&db, "null, null, null").await;
    sqlx::query("insert into eventcenter.streams (user_id, last_seq, unread, unseen) values (42, $1, $1, $1)")
        .bind(MANY)
        .execute(db.pool())
        .await
        .unwrap();

    assert_eq!(counts(&db, ANNA).await, (MANY, MANY));
    for filter in ["all", "unread", "archived", "snoozed"] {
        let pages = pages_of_a_list(&db, filter).await;
        assert!(pages < 100, "{filter}: {pages} pages");
    }

    let marked = db.store().mark_up_to(ANNA, Sweep::Seen, Seq(MANY - 1)).await.unwrap();
    assert_eq!(marked, Marked { changed: MANY - 1, unread: MANY, unseen: 1 });
    let marked = db.store().mark_up_to(ANNA, Sweep::Read, Seq(MANY - 3)).await.unwrap();
    assert_eq!(marked, Marked { changed: MANY - 3, unread: 3, unseen: 1 });
    assert_eq!(counted(&db, ANNA).await, (3, 1));
}

#[tokio::test]
async fn the_few_unread_below_a_hundred_thousand_read_are_found_at_once() {
    let db = Database::fresh().await;
    fill(&db, "now(), case when n > 3 then now() end, null").await;
    sqlx::query("insert into eventcenter.streams (user_id, last_seq, unread, unseen) values (42, $1, 3, 0)")
        .bind(MANY)
        .execute(db.pool())
        .await
        .unwrap();

    let pages = pages_of_a_list(&db, "unread").await;

    assert!(pages < 100, "{pages} pages");
    let marked = db.store().mark_up_to(ANNA, Sweep::Read, Seq(MANY)).await.unwrap();
    assert_eq!(marked, Marked { changed: 3, unread: 0, unseen: 0 });
}
