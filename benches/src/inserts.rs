//! Direct inserts over 32 connections: what it costs producers that nothing is announced, and what it costs people.

use std::time::{Duration, Instant};

use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::store::{Listener, Notice, Store};
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::keeper::{self, KeeperSettings};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::command::pgbench;
use crate::engine::Engine;
use crate::frames::Frames;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

const CLIENTS: &str = "32";
/// The person who is watched; the load speaks to others.
const WATCHED: i64 = 1_000_000;
/// A frame that has not come by then is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// As `eventcenter serve` has it.
const LOOK: Duration = Duration::from_millis(25);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (plain_url, _) = server.migrated("inserts").await?;
    let (notify_url, _) = server.migrated("inserts_notify").await?;
    let (kept_url, store) = server.migrated("inserts_kept").await?;
    add_notify(&notify_url).await?;
    let seconds = args.seconds.to_string();
    let options = ["--client", CLIENTS, "--jobs", "2", "--time", &seconds];
    let [mut plain, mut notified, mut kept, mut announced, mut framed] = [const { Samples::new() }; 5];
    let mut no_frames = None;
    for _ in 0..args.rounds {
        server.checkpoint().await?;
        plain.add(pgbench(&args.home, &plain_url, "insert.sql", &options).await?);
        server.checkpoint().await?;
        notified.add(pgbench(&args.home, &notify_url, "insert.sql", &options).await?);
        server.checkpoint().await?;
        let load = pgbench(&args.home, &kept_url, "insert.sql", &options);
        let (rate, waited) = tokio::join!(load, watch_stream(args, &store, &kept_url));
        kept.add(rate?);
        announced.add(waited?);
        server.checkpoint().await?;
        let load = pgbench(&args.home, &kept_url, "insert.sql", &options);
        match tokio::join!(load, watch_frames(args, &kept_url)) {
            (Ok(_), Ok(waited)) => framed.add(waited),
            (Err(error), _) | (_, Err(error)) => no_frames = Some(error.to_string()),
        }
    }
    let name = "  their commit → frame, p50";
    Ok(vec![
        Row::against("inserts by SQL (32 connections)", &plain, "with NOTIFY", &notified, Target::Times(2.5)),
        Row::against("  while a keeper appends them", &kept, "with NOTIFY", &notified, Target::None),
        Row::alone("  their commit → announced, p50", " ms", announced.median(), Target::AtMost(30.0)),
        match no_frames {
            None => Row::alone(name, " ms", framed.median(), Target::AtMost(30.0)),
            Some(failure) => Row::failed(name, failure),
        },
    ])
}

/// The trigger as most outboxes have it.
async fn add_notify(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let plan: String =
        sqlx::query_scalar("select pg_get_functiondef('eventcenter.plan'::regproc)").fetch_one(&mut connection).await?;
    let notifying = plan.replace("return null;", "perform pg_notify('eventcenter_due', 'ws,push'); return null;");
    if notifying == plan {
        return Err("eventcenter.plan has changed: there is no place for the NOTIFY".into());
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(notifying)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// With a keeper of our own: the median of what lies between a commit and the entry in the person's stream, announced.
async fn watch_stream(args: &Args, store: &Store, url: &str) -> Result<f64> {
    let tasks = Tasks::default();
    let settings = KeeperSettings { url: url.to_owned(), look: LOOK, event_days: 180, inbox_days: 90 };
    tasks.spawn(keeper::run(store.clone(), settings, tasks.clone()));
    let mut listener = Listener::connect(url).await?;
    let watched = UserId::new(WATCHED).ok_or("nobody is watched")?;
    let mut last = store.stream_heads(&[watched]).await?.get(&watched).map_or(Seq(0), |head| head.last);
    let waited = watch(args, url, async |_title| {
        while !is_told(&mut listener, watched).await? || store.read_streams(&[(watched, last)], 1).await?.is_empty() {}
        last = Seq(last.0 + 1);
        Ok(())
    })
    .await;
    tasks.drain(PATIENCE).await;
    waited
}

async fn is_told(listener: &mut Listener, watched: UserId) -> Result<bool> {
    Ok(match listener.next().await? {
        Notice::Streams(users) => users.contains(&watched),
        Notice::AllStreams | Notice::Reconnected => true,
        Notice::Due(_) | Notice::Marks { .. } | Notice::Answered(_) | Notice::Closings(_) | Notice::Revoked => false,
    })
}

/// The same as a person sees it: a frame on a WebSocket of the binary under test.
async fn watch_frames(args: &Args, url: &str) -> Result<f64> {
    let engine = Engine::serve(&args.engine, url, "api,ws,stream").await?;
    let mut frames = Frames::open(engine.address(), &engine.token(&args.engine, WATCHED).await?).await?;
    let waited = watch(args, url, async |title| frames.next_with(title).await.map(drop)).await;
    engine.stop().await?;
    waited
}

/// Inserts one event after the other for the person who is watched; answers the median of how long `seen` takes after
/// the commit, in milliseconds.
async fn watch(args: &Args, url: &str, mut seen: impl AsyncFnMut(&str) -> Result<()>) -> Result<f64> {
    let mut producer = PgConnection::connect(url).await?;
    let mut waits = Samples::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(args.seconds.into()) {
        let title = Uuid::now_v7().to_string();
        sqlx::query("insert into eventcenter.events (user_id, type, title, body) values ($1, 'task.created', $2, '')")
            .bind(WATCHED)
            .bind(&title)
            .execute(&mut producer)
            .await?;
        let committed = Instant::now();
        tokio::time::timeout(PATIENCE, seen(&title)).await.map_err(|_elapsed| "an insert was not seen for 5 s")??;
        waits.add(committed.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(waits.median())
}
