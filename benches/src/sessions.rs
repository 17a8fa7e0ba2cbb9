//! What an idle session takes of a node's memory: the slope between few and many of them, each of another person, with a token
//! and a device, welcomed and live. What the process takes by itself is left out by that; kernel memory is not ours.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use eventcenter::auth::Tokens;
use eventcenter_core::id::UserId;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::engine::Engine;
use crate::frames::Frames;
use crate::report::{Row, Target};
use crate::server::Server;
use crate::{Args, Result};

/// Sessions that are meant to be open at the end. Both ends are on this machine, so each takes a file of two processes.
const SESSIONS: usize = 15_000;
/// Files of a process that are not sockets of sessions.
const OTHER_FILES: usize = 500;
/// Sessions before the slope begins: by then pools, arenas and tables have their first size.
const FIRST: usize = 1000;
/// Handshakes at a time.
const AT_ONCE: usize = 64;
/// What a handshake leaves behind is given back by then, and each session has been pinged once.
const SETTLE: Duration = Duration::from_secs(30);
/// Longer than the measurement takes.
const TOKEN_TTL: Duration = Duration::from_hours(1);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let (url, _) = server.migrated("sessions").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let slope = slope(&engine).await;
    engine.stop().await?;
    let (sessions, bytes) = slope?;
    let name = format!("an idle session, of {sessions}");
    Ok(vec![Row::alone(&name, " bytes", bytes, Target::AtMost(6.0 * 1024.0))])
}

/// How many sessions there were, and bytes for each that came after the first.
async fn slope(engine: &Engine) -> Result<(usize, f64)> {
    let sessions = SESSIONS.min(files_max()?.saturating_sub(OTHER_FILES));
    let (address, tokens) = (engine.address(), engine.tokens());
    let mut open = open_all(address, &tokens, 1..=FIRST).await?;
    tokio::time::sleep(SETTLE).await;
    let before = engine.resident()?;
    open.extend(open_all(address, &tokens, FIRST + 1..=sessions).await?);
    tokio::time::sleep(SETTLE).await;
    let after = engine.resident()?;
    println!("resident: {:.1} MB with {FIRST} sessions, {:.1} MB with {sessions}", before / 1e6, after / 1e6);
    let more = u32::try_from(sessions.saturating_sub(FIRST))?;
    Ok((sessions, (after - before) / f64::from(more)))
}

async fn open_all(address: SocketAddr, tokens: &Tokens, people: impl Iterator<Item = usize>) -> Result<Vec<Frames>> {
    let open = async |person: usize| {
        let user = UserId::new(i64::try_from(person)?).ok_or("not a person")?;
        Frames::greet(address, &tokens.issue(user, TOKEN_TTL)?, "b3f1c2").await
    };
    stream::iter(people).map(open).buffer_unordered(AT_ONCE).try_collect().await
}

/// How many files this process may open; the engine inherits it.
fn files_max() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).ok_or("no limit of open files")?;
    Ok(soft.parse().unwrap_or(usize::MAX))
}
