//! 1,000 clients that stop reading, with more for each than a socket takes: what the node keeps for them, and what others
//! feel of it.

use std::pin::pin;
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
/// Events for each person, of some 40 KB: 8 MB for each session, twice what the kernel takes for one.
const EVENTS_EACH: usize = 200;
/// For a thousand sessions: what waits for one, and as much again that it is sent. Both end with the event that exceeds
/// the 128 KiB.
const MEMORY_MAX: f64 = 2.0 * (131_072.0 + 41_000.0) * 1000.0 / 1e6;
/// Events by which others are asked how they feel.
const ASKED: usize = 3000;
/// Whoever is still there by then is not cut: pings are 25 s apart and wait 10 s.
const PATIENCE: Duration = Duration::from_secs(45);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, store) = server.migrated("stuck").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let tokens = engine.tokens();
    let ledger = Arc::new(Ledger::new(ASKED * 3));
    let mut others = Crowd::new();
    let greet = async |person| Frames::greet(engine.address(), &token(&tokens, person)?, "b3f1c2").await;
    let hearing = Arc::clone(&ledger);
    others.add((1..=OTHERS).map(greet), move |frame| hearing.heard(frame)).await?;
    ledger.emit(&store, 0..ASKED, OTHERS).await?;
    let alone = ledger.emit(&store, ASKED..ASKED * 2, OTHERS).await?;
    let places = (0..SESSIONS_EACH).flat_map(|_| OTHERS + 1..=OTHERS + PEOPLE);
    let open = async |person| Frames::open_narrow(engine.address(), &token(&tokens, person)?, RECEIVE_BYTES).await;
    let stuck: Vec<Frames> = stream::iter(places).map(open).buffer_unordered(AT_ONCE).try_collect().await?;

    let before = engine.resident()?;
    let large = json!({"title": "Large", "body": "x".repeat(16_000), "data": {"more": "y".repeat(24_000)}});
    let everybody = (0..EVENTS_EACH).flat_map(|_| OTHERS + 1..=OTHERS + PEOPLE);
    // At once, for whoever answers no ping is cut too.
    let told = async {
        emit_all(&store, everybody.map(|person| event(person, large.clone()))).await?;
        let beside = ledger.emit(&store, ASKED * 2..ASKED * 3, OTHERS).await?;
        all_are_cut(&engine).await?;
        Ok(beside)
    };
    let (beside, peak) = watched(&engine, told).await?;
    others.all_are_here()?;
    let (peak, after) = ((peak - before) / 1e6, (engine.resident()? - before) / 1e6);
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

/// Waits until nobody but the others is left on the node.
async fn all_are_cut(engine: &Engine) -> Result<()> {
    let (others, began) = (f64::from(u32::try_from(OTHERS)?), Instant::now());
    while engine.metric("\neventcenter_ws_sessions ").await? > others {
        if began.elapsed() > PATIENCE {
            return Err("some that stopped reading are still there".into());
        }
        tokio::time::sleep(LOOK).await;
    }
    for reason in ["slow_consumer", "pong_timeout", "gone"] {
        let count = engine.metric(&format!("eventcenter_ws_closed_total{{reason=\"{reason}\"}}")).await?;
        println!("cut as {reason}: {count}");
    }
    Ok(())
}

/// What it answers, and the most that was resident meanwhile, in bytes.
async fn watched<T>(engine: &Engine, work: impl Future<Output = Result<T>>) -> Result<(T, f64)> {
    let mut work = pin!(work);
    let mut peak = 0_f64;
    loop {
        peak = peak.max(engine.resident()?);
        tokio::select! {
            done = &mut work => return Ok((done?, peak)),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
