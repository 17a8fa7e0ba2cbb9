//! Server-sent events (HTML, "Server-sent events"), the transport for networks that break WebSockets: the same session, of
//! which the client hears only. What it has to say comes with the URL, and by `POST /api/stream/ack`.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use eventcenter_core::metrics::WS_CLOSED;
use futures_util::stream;
use metrics::counter;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::end::End;
use super::frame::Frame;
use super::node::Node;
use super::registry::Entry;
use super::session::{Batch, Session};
use super::socket::STUCK;

mod ask;

pub(super) use ask::{__path_acknowledge, __path_stream, acknowledge, stream};

/// A stream ends after this time, a fifth more or less, and is opened again: by then a deploy or a balancer may want it
/// elsewhere, and streams that began together do not end together.
const ROTATION: Duration = Duration::from_mins(10);
/// How long a browser waits before it opens the stream again, in milliseconds.
const RETRY: &str = "retry: 3000\n";
/// Proxies of nginx's kind would keep messages back until a buffer is full.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Answers with the stream of a session that has said where it is.
fn open(node: &Node, entry: Entry) -> Response {
    let (client, body) = mpsc::channel(1);
    node.tasks().spawn(serve(node.clone(), entry, client));
    let body = stream::unfold(body, async |mut body: mpsc::Receiver<Bytes>| {
        let text = body.recv().await?;
        Some((Ok::<_, Infallible>(text), body))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

async fn serve(node: Node, entry: Entry, client: mpsc::Sender<Bytes>) {
    let end = send(&node, &entry, &client).await;
    tracing::trace!(user_id = entry.session.user.get(), ?end, "a stream ended");
    counter!(WS_CLOSED, "reason" => end.as_str()).increment(1);
}

/// Sends until the session ends, and answers why it did.
async fn send(node: &Node, entry: &Entry, client: &mpsc::Sender<Bytes>) -> End {
    let session = &entry.session;
    let mut rotation = pin!(sleep(ROTATION.mul_f64(0.8 + 0.4 * session.share())));
    let mut text = RETRY.to_owned();
    loop {
        let batch = tokio::select! {
            batch = session.next(node.resume()) => batch,
            () = client.closed() => return End::Gone,
            () = &mut rotation, if !session.is_ending() => {
                session.end(End::Rotation);
                continue;
            }
        };
        write(&mut text, node, session, &batch);
        match timeout(STUCK, client.send(Bytes::from(std::mem::take(&mut text)))).await {
            // There is no other sign of life: what a client no longer takes piles up until it is stuck.
            Ok(Ok(())) => session.heard(),
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::SlowConsumer,
        }
        if let Some(end) = batch.end {
            return end;
        }
        node.look_after(session);
    }
}

fn write(text: &mut String, node: &Node, session: &Session, batch: &Batch) {
    for frame in &batch.frames {
        message(text, frame, frame.at.and_then(|seq| session.token_at(node.resume(), seq)).as_deref());
    }
    // The last word of a socket is its close code; this one's is `bye`, also to those who should not come back.
    if let Some(farewell) = batch.end.and_then(Frame::farewell) {
        message(text, &farewell, None);
    }
}

/// One message. Its JSON is one line: neither we nor Postgres write others.
fn message(text: &mut String, frame: &Frame, id: Option<&str>) {
    let json = frame.json();
    let json = std::str::from_utf8(&json).unwrap_or_default();
    let kind = json.strip_prefix(r#"{"t":""#).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    text.extend(["event: ", kind, "\n"]);
    if let Some(id) = id {
        text.extend(["id: ", id, "\n"]);
    }
    text.extend(["data: ", json, "\n\n"]);
}

#[cfg(test)]
mod tests {
    use eventcenter_core::id::Seq;

    use super::*;
    use crate::ws::frame::ServerFrame;

    #[test]
    fn a_message_says_its_kind_its_position_and_its_frame() {
        let mut text = String::new();
        message(&mut text, &Frame::text(br#"{"t":"pong","head":7}"#), None);
        message(&mut text, &Frame::at(Seq(7), &ServerFrame::Pong { head: Seq(7) }).unwrap(), Some("v1.a.7.b"));

        let said = "event: pong\ndata: {\"t\":\"pong\",\"head\":7}\n\n\
            event: pong\nid: v1.a.7.b\ndata: {\"t\":\"pong\",\"head\":7}\n\n";
        assert_eq!(text, said);
    }
}
