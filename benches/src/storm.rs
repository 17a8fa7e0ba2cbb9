//! A reconnect storm: 10,000 sessions are cut at once, all come back at once without the pause that a client should make,
//! and each is sent again what it had not seen.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::task::JoinSet;

use crate::audience::{AT_ONCE, emit_all, event, token};
use crate::engine::Engine;
use crate::frames::{Answer, Frames};
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

/// Sessions, each of another person.
const SESSIONS: usize = 10_000;
/// Events that each of them has missed.
const MISSED: usize = 3;
/// Who finds no place, or is sent away, asks again after this.
const AGAIN: Duration = Duration::from_millis(250);
/// Who has failed so often fails the measurement.
const AGAIN_MAX: u32 = 40;
/// Who is not back by then has failed.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, store) = server.migrated("storm").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let everybody = (0..MISSED).flat_map(|_| 1..=SESSIONS);
    let told = |person| event(person, json!({"title": "Your photo is ready", "body": "It is kept for seven days."}));
    emit_all(&store, everybody.map(told)).await?;
    let tokens = engine.tokens();
    let begin = async |person| Client::begin(engine.address(), token(&tokens, person)?).await;
    let clients: Vec<Client> = stream::iter(1..=SESSIONS).map(begin).buffer_unordered(AT_ONCE).try_collect().await?;
    server.checkpoint().await?;
    let (engine_before, server_before) = (engine.cpu_seconds()?, server.cpu_seconds().await?);
    let cut = Instant::now();
    let mut returning = JoinSet::new();
    for client in clients {
        client.frames.cut()?;
        returning.spawn(come_back(engine.address(), client.token, client.resume));
    }
    // They stay until the last is back.
    let back = tokio::time::timeout(PATIENCE, returning.join_all()).await?;
    let mut seconds = Samples::new();
    for one in &back {
        seconds.add((one.as_ref().map_err(ToString::to_string)?.0 - cut).as_secs_f64());
    }
    let engine_took = engine.cpu_seconds()? - engine_before;
    let server_took = server.cpu_seconds().await? - server_before;
    let again: u32 = back.iter().flatten().map(|(.., again)| again).sum();
    println!("back: half in {:.1} s; {again} times they had to ask again", seconds.median());
    println!("CPU: {engine_took:.1} s of the node, {server_took:.1} s of Postgres");
    drop(back);
    engine.stop().await?;
    Ok(vec![
        Row::alone("10,000 cut at once, the last is back after", " s", seconds.percentile(100), Target::None),
        Row::alone(
            "  the database's share of the CPU",
            " %",
            100.0 * server_took / (server_took + engine_took),
            Target::None,
        ),
    ])
}

/// One who has seen nothing of its stream.
struct Client {
    frames: Frames,
    token: String,
    resume: String,
}

impl Client {
    async fn begin(address: SocketAddr, token: String) -> Result<Self> {
        let Answer::In(mut frames) = Frames::knock(address, &token).await? else {
            return Err("the node has no place".into());
        };
        frames.hello(r#""device":"b3f1c2","after":0"#).await?;
        let welcome = frames.next_with(r#""t":"welcome""#).await?;
        let resume = welcome.split_once(r#""resume":""#).and_then(|(_, rest)| rest.split_once('"'));
        let resume = resume.ok_or("a welcome without a token")?.0.to_owned();
        frames.next_with(r#""t":"replay_done""#).await?;
        Ok(Self { frames, token, resume })
    }
}

/// When it had everything, and how often it had to ask again, as a client does that is told 503 or 41xx.
async fn come_back(address: SocketAddr, token: String, resume: String) -> Result<(Instant, Frames, u32)> {
    let mut again = 0;
    loop {
        match replay(address, &token, &resume).await {
            Ok(Some(frames)) => return Ok((Instant::now(), frames, again)),
            Err(error) if again == AGAIN_MAX => return Err(error),
            Ok(None) | Err(_) => again += 1,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// `None` without a place.
async fn replay(address: SocketAddr, token: &str, resume: &str) -> Result<Option<Frames>> {
    let Answer::In(mut frames) = Frames::knock(address, token).await? else { return Ok(None) };
    frames.hello(&format!(r#""device":"b3f1c2","resume":"{resume}""#)).await?;
    for _ in 0..MISSED {
        frames.next_with(r#""t":"event""#).await?;
    }
    frames.next_with(r#""t":"replay_done""#).await?;
    Ok(Some(frames))
}
