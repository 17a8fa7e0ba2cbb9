//! What a claimed batch says is read at once.

use eventcenter_core::delivery::Channel;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::database::Database;

const PUSH: Channel = Channel::Push;
const CLAIMED_EVENTS: &str = include_str!("../../core/src/store/sql/claimed_events.sql");

#[tokio::test]
async fn a_batch_is_loaded_whole_however_far_apart_its_events_lie() {
    let db = Database::fresh().await;
    let mut planned = Vec::new();
    for _ in 0..3 {
        planned.extend(db.plan(PUSH, 1).await);
        db.plan(Channel::Ws, 20).await;
    }

    let batch = db.claim("w", 500).await;

    let loaded: Vec<_> = batch.iter().map(|message| message.event.id).collect();
    assert_eq!(loaded, planned);
}

/// The trap: a join that was planned while there was little compares each of 2,000 with each of 2,000.
#[tokio::test]
async fn a_claimed_batch_is_loaded_by_the_index_and_a_hash_also_when_planned_while_there_was_nothing() {
    let db = Database::fresh().await;
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    connection.execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    let prepare = format!("prepare load (uuid[], uuid, uuid) as {CLAIMED_EVENTS}");
    let analyze = "analyze eventcenter.events";
    let emit = "insert into eventcenter.events (user_id, type, title, body)
        select n, 'job.done', 'Photo ready', '' from generate_series(1, 20000) as n";
    for change in ["select 1", emit, analyze] {
        connection.execute(change).await.unwrap();
        connection.execute(AssertSqlSafe(prepare.clone())).await.unwrap();
        let explain = "explain (costs off) execute load ('{}', eventcenter.uuid7(), eventcenter.uuid7())";
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut connection).await.unwrap();
        connection.execute("deallocate load").await.unwrap();

        let plan = plan.join("\n");
        let is_good = plan.contains("Filter: ((hashed SubPlan") && plan.contains("Limit\n");
        assert!(is_good && !plan.contains("Seq Scan on events") && !plan.contains("Join"), "{change}:\n{plan}");
    }
}
