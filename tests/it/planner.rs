//! The claim and the append look at what is due and at nothing else, however large or stale the table.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::database::Database;
use crate::support::plans::{Node, nodes_of};

const MANY: i64 = 200_000;
const INNER: &str = "select d.ctid from eventcenter.deliveries";

/// From now: `MANY` deliveries spread over the last hour, or over the one after the next.
const PAST: &str = "- n * interval '18 ms'";
const FUTURE: &str = "+ interval '1 hour' + n * interval '18 ms'";
const NOW: &str = "";

fn fill(channel: &str, count: i64, due: &str) -> String {
    format!(
        "insert into eventcenter.deliveries (event_id, channel, user_id, due_at, since)
        select gen_random_uuid(), '{channel}', n, now() {due}, now() from generate_series(1, {count}) as n"
    )
}

fn claim(floor: &str) -> String {
    format!("select eventcenter.claim('push', false, 'w', 500, '1 minute', {floor})")
}

fn append(floor: &str) -> String {
    format!("select eventcenter.append_due(500, {floor})")
}

fn assert_it_walks_the_index(nodes: &[Node], why: &str) {
    for node in nodes {
        match node.kind.as_str() {
            "Result" | "Limit" | "LockRows" => {}
            "Index Scan" => assert_eq!(node.index.as_deref(), Some("deliveries_due"), "{why}: {nodes:#?}"),
            other => panic!("{why}: {other} in {nodes:#?}"),
        }
    }
    assert!(nodes.iter().any(|node| node.kind == "Index Scan"), "{why}: {nodes:#?}");
}

async fn assert_both_walk_the_index(connection: &mut PgConnection, why: &str) {
    let behind = claim("now() - interval '5 s', gen_random_uuid()");
    for call in [claim("'-infinity'"), append("'-infinity'"), claim("now() - interval '5 s'"), behind] {
        assert_it_walks_the_index(&nodes_of(connection, &call, INNER).await, &format!("{why}: {call}"));
    }
}

/// The trap: analysed while empty, a table of 200,000 rows would be read and sorted whole for every batch.
#[tokio::test]
async fn the_plan_never_flips_whatever_the_statistics_say() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    for (size, more) in [(0, 0), (1000, 1000), (MANY, MANY - 1000)] {
        for channel in ["push", "ws"] {
            connection.execute(AssertSqlSafe(fill(channel, more / 2, PAST))).await.unwrap();
        }
        assert_both_walk_the_index(&mut connection, &format!("{size} rows, statistics of fewer")).await;
        connection.execute("analyze eventcenter.deliveries").await.unwrap();
        assert_both_walk_the_index(&mut connection, &format!("{size} rows, analysed")).await;
    }
    connection.execute("delete from eventcenter.deliveries").await.unwrap();
    assert_both_walk_the_index(&mut connection, "emptied, statistics of many").await;
}

#[tokio::test]
async fn what_is_not_due_yet_costs_nothing() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    for channel in ["push", "ws"] {
        connection.execute(AssertSqlSafe(fill(channel, MANY / 4, FUTURE))).await.unwrap();
    }
    for call in [claim("'-infinity'"), append("'-infinity'")] {
        let pages = nodes_of(&mut connection, &call, INNER).await[0].pages;
        assert!(pages < 20, "{call}: {pages} pages");
    }
}

/// Somebody's old REPEATABLE READ transaction keeps every dead row and its index entry; the floor steps over them.
#[tokio::test]
async fn a_held_snapshot_with_200_000_dead_rows_slows_no_claim() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    let mut holder = PgConnection::connect(db.url()).await.unwrap();
    for channel in ["push", "ws"] {
        connection.execute(AssertSqlSafe(fill(channel, MANY, PAST))).await.unwrap();
    }
    holder.execute("begin isolation level repeatable read; select count(*) from eventcenter.deliveries").await.unwrap();
    connection.execute("delete from eventcenter.deliveries").await.unwrap();
    for channel in ["push", "ws"] {
        connection.execute(AssertSqlSafe(fill(channel, 10, NOW))).await.unwrap();
    }

    for (call, sweep) in [
        (claim("now() - interval '5 s'"), claim("'-infinity'")),
        (append("now() - interval '5 s'"), append("'-infinity'")),
    ] {
        let pages = nodes_of(&mut connection, &call, INNER).await[0].pages;
        // The dead rows are really in the way of whoever has no floor.
        let swept = nodes_of(&mut connection, &sweep, INNER).await[0].pages;
        assert!(pages < 500 && swept > 2000, "{call}: {pages} pages; {sweep}: {swept} pages");
    }
    holder.execute("rollback").await.unwrap();
}

/// What was claimed keeps its index entry until a vacuum. All of this came due at once, as what one statement plans does.
#[tokio::test]
async fn a_claim_behind_199_500_others_does_not_pay_for_them() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    connection.execute(AssertSqlSafe(fill("push", MANY, NOW))).await.unwrap();
    let (due_at, last): (String, String) = sqlx::query_as(
        "with claimed as (
            delete from eventcenter.deliveries where event_id in (
                select event_id from eventcenter.deliveries order by event_id limit 199500
            ) returning due_at::text, event_id::text
        )
        select due_at, max(event_id) from claimed group by due_at",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();

    let behind = nodes_of(&mut connection, &claim(&format!("'{due_at}', '{last}'")), INNER).await;
    let swept = nodes_of(&mut connection, &claim("'-infinity'"), INNER).await;

    // Whatever it locks is a page of its own for the most part, since the ids are random here.
    assert!(behind[0].pages < 2000 && swept[0].pages > 10_000, "{behind:#?} {swept:#?}");
}

/// The planner takes the parts of the append's statement for a row or ten: joined by a nested loop, each of 500 entries would
/// be compared with 500.
#[tokio::test]
async fn an_append_compares_no_entry_with_every_other() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    connection.execute(AssertSqlSafe(fill("ws", 500, PAST))).await.unwrap();

    for part in ["left join eventcenter.rulings", "with shown as"] {
        let nodes = nodes_of(&mut connection, &append("'-infinity'"), part).await;

        let kinds = nodes.iter().map(|node| node.kind.as_str());
        let joins: Vec<&str> = kinds.filter(|kind| kind.ends_with("Join") || *kind == "Nested Loop").collect();
        assert_eq!(joins, ["Hash Join"], "{part}: {nodes:#?}");
    }
}

/// To plan a look into all days takes 100 ms: more than everything else that an insert does, and than the keeper may pause.
#[tokio::test]
async fn mail_that_waits_for_a_digest_costs_no_look_into_other_days() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    let reader = "insert into eventcenter.recipients (user_id, email, digest) values (1, 'a@example.org', 'daily')";
    connection.execute(reader).await.unwrap();
    let insert = "insert into eventcenter.events (user_id, type, title, body, channels)
        values (1, 'job.done', 'Ready', '', '{email}')";
    let days = |nodes: Vec<Node>| {
        nodes.into_iter().filter_map(|node| node.index).filter(|index| index.starts_with("events_")).count()
    };

    let joining = nodes_of(&mut connection, insert, "delete from eventcenter.deliveries").await;
    assert_eq!(days(joining), 0);

    connection.execute(insert).await.unwrap();
    let seal = "select eventcenter.seal_digests(1, now() + interval '2 days')";
    for part in ["select array_agg(e.id order by e.id)", "with told as"] {
        assert_eq!(days(nodes_of(&mut connection, seal, part).await), 1, "{part}");
    }
}
