//! From the moment a commit returned to the frame: 1,000 events a second to 10,000 people who are online, beside a bare
//! NOTIFY that is heard by a LISTEN, in the same seconds on the same Postgres.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eventcenter_core::event::NewEvent;
use eventcenter_core::store::Store;
use serde_json::json;
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};

use crate::audience::{Crowd, event, token};
use crate::engine::{Engine, LOOK};
use crate::frames::Frames;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::{Args, Result};

/// People who are online, one session each.
const PEOPLE: usize = 10_000;
/// Between two events, and between two bare hops.
const EVERY: Duration = Duration::from_millis(1);
const HOP_EVERY: Duration = Duration::from_millis(5);
/// A frame that has not come by then is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events before what counts: by then plans, caches and pools are there.
const WARM_UP: usize = 1000;

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, store) = server.migrated("latency").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let tokens = engine.tokens();
    let each = usize::try_from(args.seconds)? * 1000;
    let ledger = Arc::new(Ledger::new(WARM_UP + each * usize::try_from(args.rounds)?));
    let mut crowd = Crowd::new();
    let greet = async |person| Frames::greet(engine.address(), &token(&tokens, person)?, "b3f1c2").await;
    let hearing = Arc::clone(&ledger);
    crowd.add((1..=PEOPLE).map(greet), move |frame| hearing.heard(frame)).await?;
    server.checkpoint().await?;
    ledger.emit(&store, 0..WARM_UP, PEOPLE).await?;
    let mut rows = [const { Samples::new() }; 4];
    for round in 0..usize::try_from(args.rounds)? {
        let first = WARM_UP + round * each;
        let hops = hops(&url, Duration::from_secs(args.seconds.into()));
        let (emitted, hops) = tokio::join!(ledger.emit(&store, first..first + each, PEOPLE), hops);
        let (waits, hops) = (emitted?, hops?);
        crowd.all_are_here()?;
        for (row, number) in
            rows.iter_mut().zip([waits.median(), hops.median(), waits.percentile(99), hops.percentile(99)])
        {
            row.add(number);
        }
    }
    drop(crowd);
    engine.stop().await?;
    let [p50, hop_p50, p99, hop_p99] = rows.map(|row| row.median());
    let name = "commit → frame, 1,000/s to 10,000 people";
    Ok(vec![
        Row::beside(&format!("{name}, p50"), " ms", p50, ("a bare hop", hop_p50), Target::Within(3.0)),
        Row::beside(&format!("{name}, p99"), " ms", p99, ("a bare hop", hop_p99), Target::Within(5.0)),
    ])
}

/// From the moment a NOTIFY is issued, alone in its transaction, to when another connection has heard it, in milliseconds.
async fn hops(url: &str, during: Duration) -> Result<Samples> {
    let mut notifier = PgConnection::connect(url).await?;
    let mut listener = PgListener::connect(url).await?;
    listener.listen("bench_hop").await?;
    let mut hops = Samples::new();
    let began = Instant::now();
    while began.elapsed() < during {
        tokio::time::sleep(HOP_EVERY).await;
        let issued = Instant::now();
        let notify = sqlx::query("select pg_notify('bench_hop', '')").execute(&mut notifier);
        let heard = async {
            listener.recv().await?;
            Ok(issued.elapsed())
        };
        let (_, heard) = tokio::try_join!(notify, heard)?;
        hops.add(heard.as_secs_f64() * 1000.0);
    }
    notifier.close().await?;
    Ok(hops)
}

/// Events that carry their number as their title, and when each was committed and came.
pub(crate) struct Ledger(Vec<Entry>);

#[derive(Default)]
struct Entry {
    committed: OnceLock<Instant>,
    framed: OnceLock<Instant>,
}

impl Ledger {
    pub(crate) fn new(events: usize) -> Self {
        Self(std::iter::repeat_with(Entry::default).take(events).collect())
    }

    /// A client was sent this.
    pub(crate) fn heard(&self, frame: &[u8]) {
        let now = Instant::now();
        if let Some(entry) = number(frame).and_then(|number| self.0.get(number)) {
            entry.framed.get_or_init(|| now);
        }
    }

    /// Emits events at a constant rate to people in turn, whatever is due in one commit, and waits for their frames. Answers
    /// the milliseconds from commit to frame of each.
    pub(crate) async fn emit(&self, store: &Store, numbers: Range<usize>, people: usize) -> Result<Samples> {
        let began = Instant::now();
        let mut next = numbers.start;
        while next < numbers.end {
            let passed = (began.elapsed().as_micros() / EVERY.as_micros()).try_into().unwrap_or(usize::MAX);
            let due = next..numbers.end.min(numbers.start.saturating_add(passed));
            if due.is_empty() {
                tokio::time::sleep(EVERY).await;
                continue;
            }
            let batch: Vec<NewEvent> = due.clone().map(|number| numbered(number, people)).collect::<Result<_>>()?;
            store.emit(&batch.iter().collect::<Vec<_>>()).await?;
            let committed = Instant::now();
            for entry in self.0.get(due.clone()).unwrap_or_default() {
                entry.committed.get_or_init(|| committed);
            }
            next = due.end;
        }
        let entries = self.0.get(numbers).unwrap_or_default();
        let waited = Instant::now();
        while entries.iter().any(|entry| entry.framed.get().is_none()) {
            if waited.elapsed() > PATIENCE {
                return Err("an event did not come".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        let mut waits = Samples::new();
        for (committed, framed) in entries.iter().filter_map(|entry| entry.committed.get().zip(entry.framed.get())) {
            // A frame may even come before the producer has heard of its commit.
            waits.add(framed.saturating_duration_since(*committed).as_secs_f64() * 1000.0);
        }
        Ok(waits)
    }
}

fn numbered(number: usize, people: usize) -> Result<NewEvent> {
    let title = format!("{number}");
    let body =
        "The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.";
    event(1 + number * 7919 % people, json!({"title": title, "body": body}))
}

fn number(frame: &[u8]) -> Option<usize> {
    let (_, rest) = std::str::from_utf8(frame).ok()?.split_once(r#""title":""#)?;
    rest.split_once('"')?.0.parse().ok()
}
