//! A process that is told to stop ends, whatever its database does.

use std::process::{Command, Stdio};

use sqlx::Executor;

use crate::support::database::Database;
use crate::support::eventually::{SOON, eventually};

#[tokio::test]
async fn a_hung_statement_does_not_keep_a_process_from_ending() {
    let db = Database::fresh().await;
    db.store().insert_service_key("test", "ec_", &[7; 32]).await.unwrap();
    let mut locked = db.pool().begin().await.unwrap();
    locked.execute("lock table eventcenter.deliveries").await.unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_eventcenter"))
        .args(["serve", "--only", "api,ws,stream", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", db.url())
        .env("EVENTCENTER_DRAIN_TIME", "1s")
        .env("EVENTCENTER_JWT_SECRET", "e1N5rX0qLw8tYb3ZkVu7Gd2HsPc9JmAf4oRiTxQyBn6=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // On a connection of its pool, which closing the pool would wait for.
    let hung = "select count(*) from pg_locks as l join pg_stat_activity as a using (pid)
        where not l.granted and a.datname = current_database() and a.query like '%For gauges%'";
    eventually(SOON, || async { (db.count(hung).await > 0).then_some(()) }).await;

    let told = Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(told.success());

    let ended = eventually(SOON, || std::future::ready(process.try_wait().unwrap())).await;
    assert!(ended.success(), "{ended}");
}
