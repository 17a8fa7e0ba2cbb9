//! 200,000 deliveries that cost nothing to send, through apalis, with their history kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Channel, Message, Outcome, Report, Try};
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::Deliver;
use eventcenter_workers::worker::{Worker, WorkerSettings};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{Connection, PgConnection};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::command::{peer, pgbench};
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

const JOBS: u32 = 200_000;
/// What pg-boss fetches and completes at once.
const BATCH: u32 = 500;
/// Claimed and settled at once under pgbench: what a worker begins with, and what it comes to when nothing takes time.
const BATCHES: [u32; 2] = [500, 2_000];
/// A drain that is not over by then has failed.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (jobs, batch) = (JOBS.to_string(), BATCH.to_string());
    let [mut ours, mut small, mut large, mut graphile, mut boss] = [const { Samples::new() }; 5];
    for _ in 0..args.rounds {
        let (url, store) = filled(server).await?;
        ours.add(through_apalis(&store, &url).await?);
        store.close().await;
        for (statements, batch) in [&mut small, &mut large].into_iter().zip(BATCHES) {
            statements.add(through_pgbench(args, server, batch).await?);
        }
        let url = server.database("drain").await?;
        graphile.add(peer(&args.home, &url, "graphile-worker.mjs", &[&jobs]).await?);
        let url = server.database("drain").await?;
        boss.add(peer(&args.home, &url, "pg-boss.mjs", &["drain", &jobs, &batch]).await?);
    }
    Ok(vec![
        Row::against("drain 200,000 no-ops, apalis", &ours, "graphile-worker", &graphile, Target::Times(2.5)),
        Row::against("drain 200,000 no-ops, apalis", &ours, "pg-boss", &boss, Target::Times(1.8)),
        Row::against("drain 200,000 no-ops, apalis", &ours, "the SQL alone, by 500", &small, Target::Times(0.6)),
        Row::against("drain 200,000 no-ops, apalis", &ours, "the SQL alone, by 2,000", &large, Target::Times(0.6)),
    ])
}

/// A new database in which so many deliveries are due.
async fn filled(server: &Server) -> Result<(String, Store)> {
    let (url, store) = server.migrated("drain").await?;
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::query(include_str!("../sql/fill_push.sql")).bind(i32::try_from(JOBS)?).execute(&mut connection).await?;
    sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
    connection.close().await?;
    server.checkpoint().await?;
    Ok((url, store))
}

async fn through_apalis(store: &Store, url: &str) -> Result<f64> {
    let noop = Arc::new(Noop { left: AtomicU32::new(JOBS), none_left: Notify::new() });
    let delivering: Arc<dyn Deliver> = Arc::<Noop>::clone(&noop);
    let drained = async {
        noop.none_left.notified().await;
        Ok(())
    };
    let seconds = work(store, delivering, WorkerSettings::of(Channel::Push), drained).await?;
    all_settled(url, JOBS).await?;
    Ok(f64::from(JOBS) / seconds)
}

/// The two statements that a delivery costs, alone.
async fn through_pgbench(args: &Args, server: &Server, batch: u32) -> Result<f64> {
    let (url, store) = filled(server).await?;
    store.close().await;
    let (each, size) = ((JOBS / batch / 2).to_string(), format!("batch={batch}"));
    let options = ["--client", "2", "--jobs", "2", "--transactions", &each, "--define", &size];
    let begin = ["--define", "due=-infinity", "--define", "last=00000000-0000-0000-0000-000000000000"];
    let rate = pgbench(&args.home, &url, "claim_settle.sql", &[&options[..], &begin].concat()).await?;
    all_settled(&url, JOBS).await?;
    Ok(rate * f64::from(batch))
}

/// Lets a worker work until `done`; the seconds that it took. They count until the last result is written: a worker that
/// is told to stop answers only then. A task of its own, as in the engine: on the main thread, everything that it does would
/// wake another one.
pub(crate) async fn work(
    store: &Store,
    deliver: Arc<dyn Deliver>,
    settings: WorkerSettings,
    done: impl Future<Output = Result<()>>,
) -> Result<f64> {
    let tasks = Tasks::default();
    let began = Instant::now();
    let worker = Worker { deliver, store: store.clone(), settings, name: "bench".to_owned(), wake: Arc::default() };
    let mut working = JoinSet::new();
    let until = tasks.clone();
    working.spawn(async move { worker.run(&until).await });
    tokio::time::timeout(PATIENCE, done).await??;
    tasks.stop();
    for ran in working.join_all().await {
        ran?;
    }
    tasks.drain(PATIENCE).await;
    Ok(began.elapsed().as_secs_f64())
}

/// A rate counts only when every delivery has its row of history and none is left anywhere.
pub(crate) async fn all_settled(url: &str, jobs: u32) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let (waiting, leased, sent): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from eventcenter.deliveries), (select count(*) from eventcenter.leases),
            (select count(*) from eventcenter.attempts where outcome = 'sent' and balance = 1)",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    if (waiting, leased, sent) != (0, 0, i64::from(jobs)) {
        return Err(format!("not drained: {waiting} wait, {leased} leases, {sent} settled").into());
    }
    Ok(())
}

/// Sends nothing, at once.
struct Noop {
    left: AtomicU32,
    none_left: Notify,
}

impl Deliver for Noop {
    fn channel(&self) -> Channel {
        Channel::Push
    }

    fn deliver<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Report> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.none_left.notify_one();
        }
        async { Try::overall(Outcome::Sent).into() }.boxed()
    }
}
