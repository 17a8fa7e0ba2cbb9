//! What an idle session takes of a node's memory: the slope between few and many of them, each of another person, with a
//! token and a device, welcomed, live and pinged. What the process takes by itself is left out by that; kernel memory is
//! not ours. The peers' sockets ask nobody who they are, and follow nothing.
//!
//! What holds it: some 2,000 bytes are allocated for a session. Its task has 910 of them (the future with the state of the
//! connection), the session that node and task share 490, tokio's registration of the socket 270, the tables by person and
//! by session 200, and its names and lists 120. What is above that is between the pages of the allocator.

use std::time::Duration;

use crate::audience::{Crowd, token};
use crate::engine::Engine;
use crate::frames::Frames;
use crate::peers::Peer;
use crate::processes::files_max;
use crate::report::{Row, Target};
use crate::server::Server;
use crate::{Args, Result};

/// Sessions that are meant to be open at the end. Both ends are on this machine, so each takes a file of two processes.
const SESSIONS: usize = 15_000;
/// Files of a process that are not sockets of sessions.
const OTHER_FILES: usize = 500;
/// Sessions before the slope begins: by then pools, arenas and tables have their first size.
const FIRST: usize = 1000;
/// What a handshake leaves behind is given back by then.
const SETTLE: Duration = Duration::from_secs(3);
/// By then each session has been pinged once, too.
const PINGED: Duration = Duration::from_secs(27);

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let sessions = SESSIONS.min(files_max()?.saturating_sub(OTHER_FILES));
    let (url, _) = server.migrated("sessions").await?;
    let engine = Engine::serve(&args.engine, &url, "api,ws,stream").await?;
    let tokens = engine.tokens();
    let greet = async |person| Frames::greet(engine.address(), &token(&tokens, person)?, "b3f1c2").await;
    let ours = slope(sessions, PINGED, || engine.resident(), greet).await;
    engine.stop().await?;
    let ours = ours?;
    let mut rows =
        vec![Row::alone(&format!("an idle session, of {sessions}"), " bytes", ours, Target::AtMost(6.0 * 1024.0))];
    for (name, peer) in [
        ("npm ws", Peer::npm_ws(&args.home).await),
        ("Nchan", Peer::nchan(&args.home).await),
        ("axum's own ws", Peer::axum_ws("default").await),
        ("axum's, small buffers", Peer::axum_ws("small").await),
    ] {
        rows.push(match beside(peer, sessions).await {
            Ok(theirs) => Row::beside("  bytes of memory", " B", ours, (name, theirs), Target::None),
            Err(error) => Row::failed(format!("  {name}"), error.to_string()),
        });
    }
    Ok(rows)
}

async fn beside(peer: Result<Peer>, sessions: usize) -> Result<f64> {
    let peer = peer?;
    let open = async |person| Frames::open_at(peer.address(), &format!("/sub/{person}")).await;
    let slope = slope(sessions, SETTLE, || peer.resident(), open).await;
    peer.stop().await?;
    slope
}

/// Bytes for each session that came after the first.
async fn slope<F: Future<Output = Result<Frames>>>(
    sessions: usize,
    settle: Duration,
    resident: impl Fn() -> Result<f64>,
    open: impl Fn(usize) -> F,
) -> Result<f64> {
    let mut crowd = Crowd::new();
    crowd.add((1..=FIRST).map(&open), |_| {}).await?;
    tokio::time::sleep(SETTLE).await;
    let before = resident()?;
    crowd.add((FIRST + 1..=sessions).map(&open), |_| {}).await?;
    tokio::time::sleep(settle).await;
    let after = resident()?;
    crowd.all_are_here()?;
    println!("resident: {:.1} MB with {FIRST} sessions, {:.1} MB with {sessions}", before / 1e6, after / 1e6);
    Ok((after - before) / f64::from(u32::try_from(sessions.saturating_sub(FIRST))?))
}
