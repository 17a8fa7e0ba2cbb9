//! A year of days through both changes of the clocks, in three zones, with crashes: exactly one letter per window, and
//! everything told once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::types::Uuid;
use sqlx::{Connection, PgConnection, Postgres, Row, Transaction};

use crate::support::database::Database;

/// A person in each; New York and Lord Howe Island skip two o'clock once a year and show it twice once a year.
const ZONES: [&str; 3] = ["Europe/Moscow", "America/New_York", "Australia/Lord_Howe"];
const HOUR: i8 = 2;
const BEGIN: &str = "2026-01-01T00:00:00Z";
const END: &str = "2027-01-08T00:00:00Z";

/// Whose digests they are: a user, how often, where.
#[derive(Clone, Copy)]
struct Reader {
    user: i64,
    cadence: &'static str,
    zone: &'static str,
}

fn readers() -> Vec<Reader> {
    let weekly = ZONES.iter().zip(11..).map(|(zone, user)| Reader { user, cadence: "weekly", zone });
    ZONES.iter().zip(1..).map(|(zone, user)| Reader { user, cadence: "daily", zone }).chain(weekly).collect()
}

/// The date of the first letter after `at`, reckoned without Postgres.
fn window(reader: Reader, at: Timestamp) -> Date {
    let zone = TimeZone::get(reader.zone).unwrap();
    let is_weekly = reader.cadence == "weekly";
    let mut date = at.to_zoned(zone.clone()).date();
    if is_weekly && date.weekday() != Weekday::Monday {
        date = date.nth_weekday(-1, Weekday::Monday).unwrap();
    }
    while zone.to_ambiguous_zoned(date.at(HOUR, 0, 0, 0)).later().unwrap().timestamp() <= at {
        date = date.checked_add(if is_weekly { 7.days() } else { 1.day() }).unwrap();
    }
    date
}

async fn join(connection: &mut PgConnection, reader: Reader, at: Timestamp) -> Uuid {
    let statement = "with said as (
            insert into eventcenter.events (user_id, type, title, body, channels)
            values ($1, 'job.done', 'Ready', '', '{ws}') returning id
        )
        insert into eventcenter.digest_items (event_id, user_id, cadence, period, due_at)
        select said.id, $1, $2, n.period, n.due_at
        from said, eventcenter.next_digest($2, $3::smallint, $4, $5::timestamptz) as n
        returning event_id";
    let asked = sqlx::query_scalar(statement).bind(reader.user).bind(reader.cadence).bind(i16::from(HOUR));
    asked.bind(reader.zone).bind(at.to_string()).fetch_one(connection).await.unwrap()
}

/// Seals what is due at that moment. Dropped, it is a crash before the commit.
async fn seal(connection: &mut PgConnection, at: Timestamp) -> Transaction<'_, Postgres> {
    let mut transaction = connection.begin().await.unwrap();
    let statement = "select eventcenter.seal_digests(100, $1::timestamptz)";
    sqlx::query(statement).bind(at.to_string()).execute(&mut *transaction).await.unwrap();
    transaction
}

/// Every letter: whose, for which date, about what.
async fn letters(db: &Database) -> Vec<(i64, String, BTreeSet<String>)> {
    let statement = "select d.user_id, d.period::text, array(
            select i.id #>> '{}' from jsonb_path_query(e.data, '$.groups[*].items[*].id') as i (id)
        ) as ids
        from eventcenter.digests as d join eventcenter.events as e on e.id = d.event_id";
    let rows = sqlx::query(statement).fetch_all(db.pool()).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get::<Vec<String>, _>(2).into_iter().collect())).collect()
}

#[tokio::test]
async fn a_year_of_days_has_one_letter_for_each_window_and_tells_everything_once() {
    let db = Database::fresh().await;
    let mut nodes = [PgConnection::connect(db.url()).await.unwrap(), PgConnection::connect(db.url()).await.unwrap()];
    let mut random = StdRng::seed_from_u64(2026);
    let mut expected: BTreeMap<(i64, String), BTreeSet<String>> = BTreeMap::new();
    let (mut at, end): (Timestamp, Timestamp) = (BEGIN.parse().unwrap(), END.parse().unwrap());

    while at < end {
        at += SignedDuration::from_mins(random.random_range(60..300));
        // So few that a week's letter lists them all: 20 at most.
        for reader in readers() {
            if at < end - SignedDuration::from_hours(24 * 8) && random.random_bool(0.1) {
                let id = join(&mut nodes[0], reader, at).await;
                let key = (reader.user, window(reader, at).to_string());
                expected.entry(key).or_default().insert(format!("evt_{}", id.simple()));
            }
        }
        // Whoever crashed tries again, and so does the other node, which has nothing left to do.
        let sealed = seal(&mut nodes[1], at).await;
        if random.random_bool(0.2) {
            sealed.rollback().await.unwrap();
        } else {
            sealed.commit().await.unwrap();
        }
        seal(&mut nodes[0], at).await.commit().await.unwrap();
    }

    let letters = letters(&db).await;
    assert_eq!(letters.len(), expected.len());
    for (user, date, ids) in letters {
        assert_eq!(expected.remove(&(user, date.clone())).as_ref(), Some(&ids), "user {user}, {date}");
    }
    assert!(expected.is_empty(), "{expected:?}");
}
