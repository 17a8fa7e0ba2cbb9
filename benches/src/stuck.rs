//! 1,000 clients that stop reading, with more for each than a socket takes: what the node keeps for them, and what others
//! feel of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::audience::{AT_ONCE, Crowd, emit_all, event, token};
use crate::engine::{Engine, LOOK};
use crate::frames::Frames;
use crate::latency::Ledger;
use crate::report::{Row, Target};
use crate::server::Server;
use crate::{Args, Result};

/// Others, one session each, who are told 1,000 events a second.
const OTHERS: usize = 1000;
/// Who stops reading, after them.
const PEOPLE: usize = 50;
/// As many as a person may have.
const SESSIONS_EACH: usize = 20;
/// As small as the kernel lets it be, so that the node's side fills soon.
const RECEIVE_BYTES: u32 = 4096;
/// Events for each person, of some 40 KB: 4 MB for each session.
const EVENTS_EACH: usize = 100;
/// Twice what may wait for one session, for a thousand of them.
const MEMORY_MAX: f64 = 2.0 * 128e3 * 1000.0 / 1e6;
/// Events by which others are asked how they feel.
const ASKED: usize = 3000;
/// How often what may be sent is emitted while memory is watched.
const WATCH: Duration = Duration::from_secs(15);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, store) = server.migrated("stuck").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let tokens = engine.tokens();
    let ledger = Arc::new(Ledger::new(ASKED * 3));
    let mut others = Crowd::new();
    let greet = async |person| Frames::greet(engine.address(), &token(&tokens, person)?, "b3f1c2").await;
    let hearing = Arc::clone(&ledger);
    others.add((1..=OTHERS).map(greet), move |frame| hearing.heard(frame)).await?;
    let places = (0..SESSIONS_EACH).flat_map(|_| OTHERS + 1..=OTHERS + PEOPLE);
    let open = async |person| Frames::open_narrow(engine.address(), &token(&tokens, person)?, RECEIVE_BYTES).await;
    let stuck: Vec<Frames> = stream::iter(places).map(open).buffer_unordered(AT_ONCE).try_collect().await?;
    ledger.emit(&store, 0..ASKED, OTHERS).await?;
    let alone = ledger.emit(&store, ASKED..ASKED * 2, OTHERS).await?;

    let before = engine.resident()?;
    let large = json!({"title": "Large", "body": "x".repeat(16_000), "data": {"more": "y".repeat(24_000)}});
    let everybody = (0..EVENTS_EACH).flat_map(|_| OTHERS + 1..=OTHERS + PEOPLE);
    let flood = emit_all(&store, everybody.map(|person| event(person, large.clone())));
    let (flooded, peak) = tokio::join!(flood, peak(&engine));
    flooded?;
    let beside = ledger.emit(&store, ASKED * 2..ASKED * 3, OTHERS).await?;
    others.all_are_here()?;
    let (peak, after) = ((peak? - before) / 1e6, (engine.resident()? - before) / 1e6);
    println!("{} stopped reading; memory grew by {peak:.1} MB at most, by {after:.1} MB in the end", stuck.len());
    drop((stuck, others));
    engine.stop().await?;
    Ok(vec![
        Row::alone("1,000 that stop reading, memory for them", " MB", peak, Target::AtMost(MEMORY_MAX)),
        Row::beside(
            "  others' commit → frame, p99",
            " ms",
            beside.percentile(99),
            ("before", alone.percentile(99)),
            Target::Within(3.0),
        ),
    ])
}

/// The most that was resident, in bytes.
async fn peak(engine: &Engine) -> Result<f64> {
    let began = Instant::now();
    let mut peak = 0_f64;
    while began.elapsed() < WATCH {
        peak = peak.max(engine.resident()?);
        tokio::time::sleep(LOOK).await;
    }
    Ok(peak)
}
