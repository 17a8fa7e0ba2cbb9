//! The WebSocket node: people's streams, live, and what they missed.
//!
//! `GET /ws` with a user token brings what comes from now on; `GET /ws?after=SEQ` first everything that follows `SEQ`.
//! The token is a bearer's, a cookie's, or a subprotocol's: `eventcenter.v1.json, ec.bearer.TOKEN`, of which only the
//! first is chosen. It is never taken from the URL, which ends up in logs.
//!
//! # Frames
//! Text frames, one JSON object each, told apart by `t`:
//! - `{"t":"event","seq":7,"prev":6,"replay":true,"event":{…}}`: the event at place 7. `replay` is true for what was in
//!   the stream before this session began. Numbers only grow; `prev` is `seq` - 1.
//! - `{"t":"gap","from":1,"to":5}`: these places are gone for ever, by age. The next event follows `to`.
//! - `{"t":"marks",…}`, `{"t":"answered",…}`: what the person has done in any session, or over HTTP: see
//!   `static/PROTOCOL.md`.
//! - `{"t":"error","code":"after_is_ahead","message":"…","head":5}`: the stream ends at `head`, before `after`. The
//!   client's number is not of this stream (another person's, or from before a restored backup). 4416 follows.
//! - `{"t":"error","code":"unknown_frame","message":"…"}`: the answer to any text of a client.
//!
//! # Close codes
//! | code | | reconnect |
//! |---|---|---|
//! | 1001 | the server is going away | soon, spread out |
//! | 1002, 1003, 1007 | not RFC 6455; binary; not UTF-8 | not unchanged |
//! | 1008 | too many messages, or no answer to pings | with backoff |
//! | 1009 | a message above 4 KiB | not unchanged |
//! | 4416 | `after` is beyond the end of the stream | with another `after` |
//!
//! A socket that takes nothing for 10 s is cut without a code, since no frame could reach it.
//!
//! # Live and missed take the same path
//! Nothing is pushed past the database: a wake is a hint to read `inbox` after a session's cursor, and what a session
//! gets is what was read. The slow sweep makes up for lost hints.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use eventcenter_core::id::Seq;
use eventcenter_core::metrics::WS_CLOSED;
use eventcenter_core::store::StreamHead;
use fastwebsockets::upgrade::{IncomingUpgrade, UpgradeFut};
use metrics::counter;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, timeout};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, ProblemDocument};

mod access;
mod frame;
mod node;
mod outbox;
mod rate;
mod registry;
mod session;
mod socket;

pub use node::Node;

use access::{Offer, Refusal};
use registry::Entry;
use socket::{FastReader, FastWriter};

/// How long a closed socket waits for the client to close it too.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that a closed socket still reads and drops, so that the kernel does not answer them with a reset that would
/// overtake our close frame. What comes after them gets the reset.
const LINGER_BYTES: u64 = 1024 * 1024;

/// How long a handshake waits to learn where the stream ends. When the database takes longer, the socket opens all the
/// same, and what was emitted before it answers is not live but missed.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// Where a session begins.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// The last number that the client has seen; `None` for one that wants only what is new.
    after: Option<Seq>,
    /// Where the stream ended when the client was let in; `None` when that is not known yet.
    head: Option<StreamHead>,
}

/// The route `/ws`.
pub fn router(node: Node) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(connect)).with_state(node)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    after: Option<Seq>,
}

/// A person's stream as a WebSocket: what they missed, then what comes
///
/// A browser offers its token as a subprotocol: `eventcenter.v1.json, ec.bearer.TOKEN`.
#[utoipa::path(get, path = "/ws", tag = "streams", security(("user_token" = []), ("user_cookie" = [])),
    params(("after" = Option<i64>, Query, minimum = 0,
        description = "The last number that the client has seen; without it, only what comes from now on")),
    responses(
        (status = 101, description = "The socket is open"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 426, description = "Not a WebSocket handshake", body = ProblemDocument),
        (status = 429, description = "The person has 50 sessions on this node", body = ProblemDocument),
        (status = 503, description = "The node is full or stopping: try again", body = ProblemDocument),
    ))]
async fn connect(
    State(node): State<Node>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
    upgrade: Result<IncomingUpgrade, StatusCode>,
) -> Result<Response, Problem> {
    let offer = Offer::read(&headers)?;
    let user = offer.user(&headers, node.tokens(), node.cookie())?;
    let Query(Parameters { after }) = parameters.or(Err(Refusal::Query))?;
    if after.is_some_and(|after| after < Seq(0)) {
        return Err(Refusal::Query.into());
    }
    let asks = headers.get(UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let upgrade = upgrade.ok().filter(|_| asks).ok_or(Refusal::NoUpgrade)?;
    if node.tasks().is_stopping() {
        return Err(Refusal::Stopping.into());
    }
    let entry = node.enter(user).map_err(Refusal::Full)?;
    // Before the client knows that it is connected: from then on it counts on being told.
    let head = timeout(HEAD_MAX, node.head(user)).await.ok();
    let (response, upgraded) = upgrade.upgrade().or(Err(Refusal::NoUpgrade))?;
    let mut response = response.map(Body::new);
    if let Some(protocol) = offer.protocol {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    node.tasks().spawn(serve(node.clone(), entry, Beginning { after, head }, upgraded));
    Ok(response)
}

async fn serve(node: Node, entry: Entry, beginning: Beginning, upgraded: UpgradeFut) {
    // The client may leave between our answer and the upgrade; there is nobody to tell then.
    let Ok(socket) = upgraded.await else { return };
    let (mut read, mut write) = tokio::io::split(socket.into_inner());
    let reader = FastReader::new(&mut read);
    let writer = FastWriter::new(&mut write);
    let end = session::run(&node, &entry.session, beginning, reader, writer).await;
    drop(entry);
    counter!(WS_CLOSED, "reason" => end.as_str()).increment(1);
    if timeout(LINGER, linger(read, write)).await.is_err() {
        tracing::trace!(?end, "the client did not close its side");
    }
}

async fn linger(read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin) {
    if write.shutdown().await.is_ok() {
        let rest = tokio::io::copy(&mut read.take(LINGER_BYTES), &mut tokio::io::sink()).await;
        tracing::trace!(?rest, "dropped after the close frame");
    }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::store::Store;
    use eventcenter_core::tasks::Tasks;

    use super::*;
    use crate::auth::{CookieRules, Origins, Tokens};

    #[tokio::test]
    async fn the_route_is_described() {
        let store = Store::connect("postgres://nobody@127.0.0.1:9/none", 1).unwrap();
        let cookie = CookieRules { name: "ec_token".to_owned(), origins: Origins::default() };

        let (_, document) =
            router(Node::new(store, Tokens::hs256([7; 32]), cookie, Tasks::default())).split_for_parts();

        assert_eq!(document.paths.paths.keys().collect::<Vec<_>>(), ["/ws"]);
    }
}
