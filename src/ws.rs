//! The WebSocket node: people's streams, live, and what they missed. What goes over a socket is `static/PROTOCOL.md`.
//!
//! # Live and missed take the same path
//! Nothing is pushed past the database: a wake is a hint to read `inbox` after a session's cursor, and what a session
//! gets is what was read. The slow sweep makes up for lost hints.
//!
//! # Who does what
//! A [`session`] is a state: what its client still has to be told, and what it may say. A transport ([`socket`]) carries it
//! and knows no stream. The [`node`] reads from the database into all sessions, and the [`registry`] knows them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use eventcenter_core::id::{DeviceId, Seq};
use eventcenter_core::metrics::{WS_CLOSED, WS_REFUSED};
use fastwebsockets::upgrade::{IncomingUpgrade, UpgradeFut};
use hyper_util::rt::TokioIo;
use metrics::counter;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, ProblemDocument};

mod access;
mod acks;
mod beginning;
mod end;
mod frame;
mod node;
mod outbox;
mod protocol;
mod queue;
mod rate;
mod registry;
mod resume;
mod roster;
mod session;
mod socket;
mod sse;
mod vitals;
mod wheel;

pub use node::{Node, NodeSettings};

use access::{Credentials, Offer, Refusal};
use beginning::Beginning;
use registry::Entry;
use session::Mode;
use socket::MESSAGE_MAX;

/// How long the handshake of a plain stream waits to learn where the stream ends. When the database takes longer, the
/// socket opens all the same, and what was emitted before it answers is not live but missed.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// The routes of the node: `/ws`, and the same over server-sent events.
pub fn router(node: Node) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(connect))
        .routes(routes!(sse::stream))
        .merge(OpenApiRouter::new().routes(routes!(sse::acknowledge)).layer(DefaultBodyLimit::max(MESSAGE_MAX)))
        .with_state(node)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    after: Option<Seq>,
    ticket: Option<String>,
}

/// A person's stream as a WebSocket: what they missed, then what comes
///
/// A browser offers its token as a subprotocol: `eventcenter.v1.json, ec.bearer.TOKEN`. With that subprotocol and without
/// `after` the client speaks the whole protocol (static/PROTOCOL.md) and begins with `hello`; otherwise it is sent events alone.
#[utoipa::path(get, path = "/ws", tag = "streams", security(("user_token" = []), ("user_cookie" = [])),
    params(("after" = Option<i64>, Query, minimum = 0,
        description = "A plain stream: the last number that the client has seen"),
        ("ticket" = Option<String>, Query, description = "From POST /api/ws-ticket, in place of a token")),
    responses(
        (status = 101, description = "The socket is open"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 426, description = "Not a WebSocket handshake", body = ProblemDocument),
        (status = 429, description = "The person has too many sessions that have not begun", body = ProblemDocument),
        (status = 503, description = "The node is full or stopping, or the database away: try again", body = ProblemDocument),
    ))]
async fn connect(
    State(node): State<Node>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
    upgrade: Result<IncomingUpgrade, StatusCode>,
) -> Result<Response, Problem> {
    let answer = match handshake(&headers, parameters, upgrade) {
        Ok(handshake) => handshake.open(&node, &headers).await,
        Err(refusal) => Err(refusal),
    };
    answer.map_err(|refusal| {
        counter!(WS_REFUSED, "reason" => refusal.as_str()).increment(1);
        refusal.into()
    })
}

/// A request that is a handshake, whoever sends it.
struct Handshake<'a> {
    offer: Offer<'a>,
    after: Option<Seq>,
    ticket: Option<String>,
    upgrade: IncomingUpgrade,
}

fn handshake(
    headers: &HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
    upgrade: Result<IncomingUpgrade, StatusCode>,
) -> Result<Handshake<'_>, Refusal> {
    let offer = Offer::read(headers)?;
    let Query(Parameters { after, ticket }) = parameters.or(Err(Refusal::Query))?;
    if after.is_some_and(|after| after < Seq(0)) {
        return Err(Refusal::Query);
    }
    let asks = headers.get(UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let upgrade = upgrade.ok().filter(|_| asks).ok_or(Refusal::NoUpgrade)?;
    Ok(Handshake { offer, after, ticket, upgrade })
}

impl Handshake<'_> {
    async fn open(self, node: &Node, headers: &HeaderMap) -> Result<Response, Refusal> {
        let Self { offer, after, ticket, upgrade } = self;
        let credentials = Credentials { offered: offer.token, ticket: ticket.as_deref(), headers };
        let grant = match credentials.grant(node).await {
            Ok(grant) => grant,
            Err(refusal) if refusal.is_told_inside() => return refuse(node, refusal, offer.protocol, upgrade),
            Err(refusal) => return Err(refusal),
        };
        let mode = if offer.protocol.is_some() && after.is_none() { Mode::Full } else { Mode::Plain };
        let entry = node.enter(grant, mode).map_err(Refusal::Full)?;
        if mode == Mode::Plain {
            entry.session.greeted(DeviceId::default(), Beginning { after, ..Beginning::default() });
            node.greet(&entry.session);
            // Before the client knows that it is connected: from then on it counts on being told.
            let begun = timeout(HEAD_MAX, entry.session.begun()).await;
            tracing::trace!(?begun, "a plain stream");
        }
        let (response, upgraded) = switch(upgrade, offer.protocol)?;
        node.tasks().spawn(serve(node.clone(), entry, upgraded));
        Ok(response)
    }
}

/// Lets a client in that cannot be told otherwise, tells it, and closes.
fn refuse(
    node: &Node,
    refusal: Refusal,
    protocol: Option<HeaderValue>,
    upgrade: IncomingUpgrade,
) -> Result<Response, Refusal> {
    let place = Arc::clone(node.refusals()).try_acquire_owned().ok().filter(|_| protocol.is_some()).ok_or(refusal)?;
    let (response, upgraded) = switch(upgrade, protocol)?;
    counter!(WS_REFUSED, "reason" => refusal.as_str()).increment(1);
    node.tasks().spawn(async move {
        if let Some((tcp, _)) = hijack(upgraded).await {
            let end = refusal.end();
            socket::refuse(tcp, end).await;
            counter!(WS_CLOSED, "reason" => end.as_str()).increment(1);
        }
        drop(place);
    });
    Ok(response)
}

fn switch(upgrade: IncomingUpgrade, protocol: Option<HeaderValue>) -> Result<(Response, UpgradeFut), Refusal> {
    let (response, upgraded) = upgrade.upgrade().or(Err(Refusal::NoUpgrade))?;
    let mut response = response.map(Body::new);
    if let Some(protocol) = protocol {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok((response, upgraded))
}

async fn serve(node: Node, entry: Entry, upgraded: UpgradeFut) {
    // Boxed, so that what the handshake takes is given back when it is over.
    let Some((mut tcp, first)) = Box::pin(hijack(upgraded)).await else { return };
    let end = socket::serve(&node, &entry.session, &tcp, first).await;
    tracing::trace!(user_id = entry.session.user.get(), ?end, "a session ended");
    drop(entry);
    counter!(WS_CLOSED, "reason" => end.as_str()).increment(1);
    if end.code().is_some() {
        Box::pin(socket::linger(&mut tcp)).await;
    }
}

/// The connection itself, out of hyper's hands, and what the client has already sent over it. `None` when the client left
/// between our answer and the upgrade.
async fn hijack(upgraded: UpgradeFut) -> Option<(TcpStream, Bytes)> {
    let upgraded = upgraded.await.ok()?.into_inner().into_inner();
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    // A copy: hyper's own buffer is larger than a session.
    Some((parts.io.into_inner(), Bytes::copy_from_slice(&parts.read_buf)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::session::tests::a_node;

    #[tokio::test]
    async fn the_routes_are_described() {
        let (_, document) = router(a_node()).split_for_parts();

        assert_eq!(document.paths.paths.keys().collect::<Vec<_>>(), ["/api/stream", "/api/stream/ack", "/ws"]);
    }
}
