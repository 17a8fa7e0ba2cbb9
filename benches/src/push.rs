//! Web Push into a sink: what a message costs, beside what it costs those that do the same.
//!
//! Messages per second of CPU time, so that others on the machine do not count. Every contender sends the same bytes to the
//! same browser over TLS, and keeps its connections.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Channel, Message, Outcome};
use eventcenter_core::store::{Claim, Floor, Load, Store};
use eventcenter_workers::Deliver;
use eventcenter_workers::push::{Authorizations, Push, Subject, decode_base64, encrypt};
use eventcenter_workers::worker::WorkerSettings;
use jiff::Timestamp;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::command::{command, node, number_after, output};
use crate::drain::{all_settled, work};
use crate::engine::LOOK;
use crate::processes::own_cpu_seconds;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::sink::{AUTH, P256DH, PRIVATE_KEY, SUBJECT, Sink, keys};
use crate::{Args, Result};

/// Messages of ours in a round, and of a peer, who is slower.
const OURS: u32 = 20_000;
const THEIRS: u32 = 3_000;
/// Sends under way at once.
const AT_ONCE: usize = 64;
/// As long as what the engine says of the event that is sent.
const PAYLOAD: &str = concat!(
    r#"{"web_push":8030,"notification":{"title":"Your photo is ready","body":"The photo that you uploaded this morning "#,
    r#"has been developed and can be downloaded for the next seven days.","navigate":"https://app.example.org/app","#,
    r#""tag":"zNUrcIcm-H6dgDLhNg8DA5DhsbTuhT4y"},"event":{"id":"evt_1f3e0b9a7c5d4e2f8a6b1c3d5e7f9a0b","type":"job.done","#,
    r#""level":"info","user_id":4242},"ack":{"url":"/api/push/ack","token":"AaIG1KcJfF6L9JnoAaIG1KcJfF6L9JnoAaIG1KcJfF"#,
    r#"6L9JnoAaIG1KcJfF6L9Jno"}}"#,
);

/// What is measured of every contender.
#[derive(Default)]
struct Contender {
    encrypt: Samples,
    send: Samples,
}

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let [mut ours, mut rust, mut npm, mut pypi] = <[Contender; 4]>::default();
    let [mut alone, mut whole] = [const { Samples::new() }; 2];
    for _ in 0..args.rounds {
        let mut sink = Sink::start(args, &["well"]).await?;
        ours.encrypt.add(tokio::task::spawn_blocking(encrypt_and_sign).await??);
        let (cpu, wall) = send_alone(&sink, server).await?;
        ours.send.add(cpu);
        alone.add(wall);
        whole.add(send_through_worker(&mut sink, server).await?);
        for (mode, of) in MODES {
            of(&mut rust).add(peer(command(&args.web_push), mode, &sink).await?);
            of(&mut npm).add(peer(node(&args.home, "web-push.mjs")?, mode, &sink).await?);
            let mut python = command(&args.python);
            python.arg(args.home.join("peers/pywebpush_bench.py"));
            of(&mut pypi).add(peer(python, mode, &sink).await?);
        }
    }
    let mut rows = Vec::new();
    for (name, peer) in [("crate web-push", &rust), ("npm web-push", &npm), ("pywebpush", &pypi)] {
        let title = "push, encrypt and sign, of CPU time";
        rows.push(Row::against(title, &ours.encrypt, name, &peer.encrypt, Target::Times(2.5)));
        rows.push(Row::against("push, send, of CPU time", &ours.send, name, &peer.send, Target::Times(5.0)));
    }
    rows.push(Row::against("push, claim, send and settle", &whole, "sending alone", &alone, Target::Times(0.6)));
    Ok(rows)
}

type Of = fn(&mut Contender) -> &mut Samples;
const MODES: [(&str, Of); 2] = [("encrypt", |one| &mut one.encrypt), ("send", |one| &mut one.send)];

/// Each message has a key pair and a salt of its own; the signature is remembered.
fn encrypt_and_sign() -> Result<f64> {
    let (p256dh, auth, keys) = (decode_base64(P256DH)?, decode_base64(AUTH)?, keys()?);
    let key_id = keys.current().id().to_owned();
    let authorizations = Authorizations::new(keys, Subject::parse(SUBJECT)?);
    let before = own_cpu_seconds()?;
    for _ in 0..OURS {
        black_box(encrypt(&p256dh, &auth, PAYLOAD.as_bytes())?);
        black_box(authorizations.header(&key_id, "https://push.example.org".to_owned(), Timestamp::now())?);
    }
    Ok(f64::from(OURS) / (own_cpu_seconds()? - before))
}

/// Everything that the channel does, from event to answer; messages a second of CPU time, and of the wall's.
async fn send_alone(sink: &Sink, server: &Server) -> Result<(f64, f64)> {
    let (_, store) = Sink::filled(server, OURS, &sink.origins()).await?;
    let messages = Arc::new(claimed(&store).await?);
    let push = sink.channel()?;
    let (before, began) = (own_cpu_seconds()?, Instant::now());
    let mut senders = JoinSet::new();
    for first in 0..AT_ONCE {
        senders.spawn(send_every(Arc::clone(&push), Arc::clone(&messages), first));
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), own_cpu_seconds()? - before);
    store.close().await;
    Ok((f64::from(OURS) / cpu, f64::from(OURS) / seconds))
}

async fn send_every(push: Arc<Push>, messages: Arc<Vec<Message>>, first: usize) -> Result<()> {
    for message in messages.iter().skip(first).step_by(AT_ONCE) {
        let report = push.deliver(message).await;
        if report.tries.iter().any(|one| one.outcome != Outcome::Sent) {
            return Err(format!("not sent: {report:?}").into());
        }
    }
    Ok(())
}

async fn claimed(store: &Store) -> Result<Vec<Message>> {
    let claim = Claim {
        worker: "bench",
        channel: Channel::Push,
        load: Load::Ordinary,
        limit: 500,
        floor: Floor::Everything,
        lease: Duration::from_mins(10),
    };
    let mut messages = Vec::new();
    while let Some(batch) = store.claim(claim).await? {
        messages.extend(store.load(&batch).await?);
    }
    Ok(messages)
}

/// The same from the database and back; messages a second.
async fn send_through_worker(sink: &mut Sink, server: &Server) -> Result<f64> {
    let (url, store) = Sink::filled(server, OURS, &sink.origins()).await?;
    let wanted = taken(sink).await? + OURS;
    let push = sink.channel()?;
    let all_taken = async {
        while taken(sink).await? < wanted {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    let seconds = work(&store, push, WorkerSettings::of(Channel::Push), all_taken).await?;
    store.close().await;
    all_settled(&url, OURS).await?;
    Ok(f64::from(OURS) / seconds)
}

async fn taken(sink: &mut Sink) -> Result<u32> {
    Ok(sink.counts().await?.iter().sum())
}

/// Runs a peer; its last word is its rate.
async fn peer(mut program: Command, mode: &str, sink: &Sink) -> Result<f64> {
    let endpoint = sink.origins().concat() + "/push/peer";
    let authority = sink.authority();
    let job = json!({
        "endpoint": endpoint, "p256dh": P256DH, "auth": AUTH, "private_key": PRIVATE_KEY,
        "public_key": keys()?.current().public_key(), "subject": SUBJECT, "payload": PAYLOAD, "authority": authority,
        "messages": THEIRS, "at_once": AT_ONCE,
    });
    program.args([mode, &job.to_string()]);
    program.env("NODE_EXTRA_CA_CERTS", &authority).env("REQUESTS_CA_BUNDLE", &authority);
    number_after(&output(program).await?, "")
}
