//! Frames a second of one node: 10,000 sessions, 20 of each person, and one event after the other to everybody. Nchan has
//! the same number of sockets, 20 on a channel, and gets its messages by HTTP; it keeps them in memory, and we commit them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use eventcenter_core::store::Store;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::audience::{Crowd, Tally, emit_all, event, token};
use crate::engine::Engine;
use crate::frames::Frames;
use crate::peers::Peer;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

const PEOPLE: usize = 500;
/// As many as a person may have.
const SESSIONS_EACH: usize = 20;
/// Events for each person.
const EVENTS_EACH: usize = 40;
/// Frames of one round.
const FRAMES: usize = PEOPLE * SESSIONS_EACH * EVENTS_EACH;
/// Connections by which Nchan gets its messages.
const PUBLISHERS: usize = 16;
/// Frames that have not come by then are lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// What people read; with our names around it, the same length for both.
const BODY: &str =
    "The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.";
/// Bytes of a frame of ours with this body.
const FRAME_BYTES: usize = 400;

/// Frames a second, and frames for each second of the server's CPU time.
struct Rates {
    wall: Samples,
    cpu: Samples,
}

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let ours = ours(args, server).await?;
    let theirs = nchan(args).await?;
    let name = "fan-out, frames of one node";
    Ok(vec![
        Row::against(name, &ours.wall, "Nchan", &theirs.wall, Target::None),
        Row::against("  for a second of its CPU", &ours.cpu, "Nchan", &theirs.cpu, Target::None),
    ])
}

async fn ours(args: &Args, server: &Server) -> Result<Rates> {
    let (url, store) = server.migrated("fan_out").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let (tokens, tally) = (engine.tokens(), Tally::of(br#"{"t":"event""#));
    let greet = async |(device, person): (usize, usize)| {
        Frames::greet(engine.address(), &token(&tokens, person)?, &format!("device-{device}")).await
    };
    let mut crowd = Crowd::new();
    let hearing = tally.clone();
    crowd.add(places().map(greet), move |text| hearing.hear(text)).await?;
    server.checkpoint().await?;
    let rates = rounds(args, &mut crowd, &tally, || engine.cpu_seconds(), async || tell_everybody(&store).await).await;
    drop(crowd);
    engine.stop().await?;
    rates
}

async fn nchan(args: &Args) -> Result<Rates> {
    let peer = Peer::nchan(&args.home).await?;
    let (address, tally) = (peer.address(), Tally::of(b""));
    let open = async |(_, channel): (usize, usize)| Frames::open_at(address, &format!("/sub/{channel}")).await;
    let mut crowd = Crowd::new();
    let hearing = tally.clone();
    crowd.add(places().map(open), move |text| hearing.hear(text)).await?;
    let rates = rounds(args, &mut crowd, &tally, || peer.cpu_seconds(), async || publish_to_all(address).await).await;
    drop(crowd);
    peer.stop().await?;
    rates
}

/// A person's sessions are spread over the handshakes: at most ten of one person may be under way.
fn places() -> impl Iterator<Item = (usize, usize)> {
    (1..=SESSIONS_EACH).flat_map(|device| (1..=PEOPLE).map(move |person| (device, person)))
}

async fn rounds(
    args: &Args,
    crowd: &mut Crowd,
    tally: &Tally,
    cpu_seconds: impl Fn() -> Result<f64>,
    tell: impl AsyncFn() -> Result<()>,
) -> Result<Rates> {
    let mut rates = Rates { wall: Samples::new(), cpu: Samples::new() };
    let frames = f64::from(u32::try_from(FRAMES)?);
    for round in 1..=usize::try_from(args.rounds)? {
        let (began, before) = (Instant::now(), cpu_seconds()?);
        let (told, done) = tokio::join!(tell(), tally.reaches(FRAMES * round, PATIENCE));
        told?;
        rates.wall.add(frames / (done? - began).as_secs_f64());
        rates.cpu.add(frames / (cpu_seconds()? - before));
        crowd.all_are_here()?;
    }
    Ok(rates)
}

async fn tell_everybody(store: &Store) -> Result<()> {
    let events = (0..EVENTS_EACH).flat_map(|_| 1..=PEOPLE);
    emit_all(store, events.map(|person| event(person, json!({"title": "Your photo is ready", "body": BODY})))).await
}

async fn publish_to_all(address: SocketAddr) -> Result<()> {
    let mut publishers = JoinSet::new();
    for first in 0..PUBLISHERS {
        publishers.spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await?);
            stream.get_ref().set_nodelay(true)?;
            for message in (first..PEOPLE * EVENTS_EACH).step_by(PUBLISHERS) {
                publish(&mut stream, 1 + message % PEOPLE).await?;
            }
            Ok::<(), crate::Error>(())
        });
    }
    publishers.join_all().await.into_iter().collect()
}

async fn publish(stream: &mut BufReader<TcpStream>, channel: usize) -> Result<()> {
    let request = format!(
        "POST /pub/{channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {FRAME_BYTES}\r\n\r\n{BODY:<FRAME_BYTES$}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.starts_with("HTTP/1.1 20") {
        return Err(format!("/pub answered {:?}", line.trim()).into());
    }
    let mut length = 0;
    while !line.trim().is_empty() {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        line.clear();
        stream.read_line(&mut line).await?;
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(())
}
