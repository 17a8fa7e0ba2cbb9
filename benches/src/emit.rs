//! Single emits over 64 connections, beside one insert a transaction and beside pg-boss.

use std::path::Path;
use std::time::{Duration, Instant};

use eventcenter::committer::Committer;
use eventcenter_core::event::NewEvent;
use eventcenter_core::store::{Store, Verdict};
use eventcenter_core::tasks::Tasks;
use serde_json::json;
use tokio::task::JoinSet;

use crate::command::{command, number_after, output, peer, pgbench};
use crate::engine::Engine;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

/// Emits under way at once, for every contender.
const CONNECTIONS: u32 = 64;
/// People who are told, at random.
const USERS: u64 = 10_000;

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, store) = server.migrated("emit").await?;
    let (insert_url, _) = server.migrated("emit_insert").await?;
    let boss_url = server.database("emit_pg_boss").await?;
    let engine = Engine::serve(&args.engine, &url, "api").await;
    let (width, seconds) = (CONNECTIONS.to_string(), args.seconds.to_string());
    let pgbench_options = ["--client", &width, "--jobs", "2", "--time", &seconds];

    let [mut http, mut committed, mut inserted, mut sent] = [const { Samples::new() }; 4];
    for _ in 0..args.rounds {
        server.checkpoint().await?;
        if let Ok(engine) = &engine {
            http.add(over_http(&args.home, engine, args.seconds).await?);
        }
        server.checkpoint().await?;
        inserted.add(pgbench(&args.home, &insert_url, "insert.sql", &pgbench_options).await?);
        server.checkpoint().await?;
        committed.add(in_process(&store, Duration::from_secs(args.seconds.into())).await?);
        server.checkpoint().await?;
        sent.add(peer(&args.home, &boss_url, "pg-boss.mjs", &["send", &seconds, &width]).await?);
    }
    let name = "emit by HTTP (64 connections)";
    let mut rows = match engine {
        Ok(engine) => {
            engine.stop().await?;
            vec![
                Row::against(name, &http, "pgbench insert", &inserted, Target::Times(1.5)),
                Row::against(name, &http, "pg-boss send", &sent, Target::Times(4.0)),
            ]
        }
        Err(error) => vec![Row::failed(name, error.to_string())],
    };
    let name = "  without HTTP (64 tasks)";
    rows.push(Row::against(name, &committed, "pgbench insert", &inserted, Target::None));
    Ok(rows)
}

async fn over_http(home: &Path, engine: &Engine, seconds: u32) -> Result<f64> {
    let mut wrk = command("wrk");
    wrk.args(["-t", "2", "-c", &CONNECTIONS.to_string(), "-d", &seconds.to_string(), "-s"]);
    wrk.arg(home.join("emit.lua"))
        .arg(format!("http://{}/events", engine.address()))
        .args(["--", engine.service_key()]);
    let said = output(wrk).await?;
    let rate = number_after(&said, "result ")?;
    if number_after(&said, &format!("result {rate:.6} "))? > 0.0 {
        return Err(format!("some emits were refused:\n{said}").into());
    }
    Ok(rate)
}

/// What the committer does when nobody speaks HTTP to it: the share of HTTP is the difference.
async fn in_process(store: &Store, during: Duration) -> Result<f64> {
    let tasks = Tasks::default();
    let committer = Committer::start(store, &tasks);
    let began = Instant::now();
    let mut emitters = JoinSet::new();
    for first in 0..u64::from(CONNECTIONS) {
        let committer = committer.clone();
        emitters.spawn(async move {
            let mut emitted = 0_u32;
            while began.elapsed() < during {
                let user = 1 + (first + u64::from(emitted) * 7919) % USERS;
                if committer.emit(event(user)?).await?.verdict != Verdict::New {
                    return Err("an event was not new".into());
                }
                emitted += 1;
            }
            Ok::<u32, crate::Error>(emitted)
        });
    }
    let emitted = emitters.join_all().await.into_iter().sum::<Result<u32>>()?;
    let rate = f64::from(emitted) / began.elapsed().as_secs_f64();
    drop(committer);
    tasks.drain(Duration::from_secs(10)).await;
    Ok(rate)
}

fn event(user: u64) -> Result<NewEvent> {
    Ok(NewEvent::from_json(&json!({
        "user_id": user,
        "type": "job.done",
        "title": "Your photo is ready",
        "body": "The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.",
    }))?)
}
