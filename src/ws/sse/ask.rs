//! What a client of server-sent events asks for.

use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use eventcenter_core::id::{DeviceId, Seq};
use eventcenter_core::metrics::WS_REFUSED;
use metrics::counter;
use url::form_urlencoded;

use super::open;
use crate::auth::user_token;
use crate::problem::{Code, Problem, ProblemDocument};
use crate::ws::access::{Credentials, Refusal};
use crate::ws::beginning::Beginning;
use crate::ws::node::Node;
use crate::ws::protocol::{Ack, DEVICE, Fault, SEQ};
use crate::ws::session::Mode;

const LAST_EVENT_ID: &str = "last-event-id";

/// The parameters of the URL, as the members of `hello`.
#[derive(Default)]
struct Parameters {
    device: DeviceId,
    resume: Option<String>,
    after: Option<Seq>,
    ticket: Option<String>,
}

/// A person's stream as server-sent events, for networks that break WebSockets
///
/// Each frame of static/PROTOCOL.md is one message; its id is the resume token, which browsers send back by themselves.
#[utoipa::path(get, path = "/api/stream", tag = "streams", security(("user_token" = []), ("user_cookie" = [])),
    params(
        ("device" = Option<String>, Query, description = "This browser's or app's own name: 1 to 64 of A-Z a-z 0-9 _ -"),
        ("resume" = Option<String>, Query, description = "The newest resume token of this device"),
        ("after" = Option<i64>, Query, minimum = 0, description = "The last number seen, if higher than the token's"),
        ("ticket" = Option<String>, Query, description = "From POST /api/ws-ticket, in place of a token"),
        ("Last-Event-ID" = Option<String>, Header, description = "Counts before `resume`"),
    ),
    responses(
        (status = 200, description = "The stream, which begins with `welcome`", content_type = "text/event-stream", body = String),
        (status = 400, description = "What is wrong", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 429, description = "The person has too many sessions that have not begun", body = ProblemDocument),
        (status = 503, description = "The node is full or stopping, or the database away: try again", body = ProblemDocument),
    ))]
pub(in crate::ws) async fn stream(
    State(node): State<Node>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Parameters { device, resume, after, ticket } = Parameters::read(&query.unwrap_or_default())?;
    let refused = |refusal: Refusal| {
        counter!(WS_REFUSED, "reason" => refusal.as_str()).increment(1);
        Problem::from(refusal)
    };
    let credentials = Credentials { offered: None, headers: &headers, ticket: ticket.as_deref() };
    let grant = credentials.grant(&node).await.map_err(refused)?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let (field, token) = if last.is_some() { ("Last-Event-ID", last) } else { ("resume", resume.as_deref()) };
    let position = token.map(|token| node.resume().read(token, grant.user_id, &device));
    if position == Some(None) {
        return Err(Problem::field(field, "is not a resume token of this person's device"));
    }
    let entry = node.enter(grant, Mode::Full).map_err(|full| refused(Refusal::Full(full)))?;
    entry.session.greeted(device, Beginning { position: position.flatten(), after, window: None });
    node.greet(&entry.session);
    Ok(open(&node, entry))
}

impl Parameters {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut read = Self::default();
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            let must_be = |rule| Problem::field(&name, format!("must be {rule}"));
            match &*name {
                "device" => read.device = DeviceId::parse(&text).ok_or_else(|| must_be(DEVICE))?,
                "resume" => read.resume = Some(text.into_owned()),
                "after" => read.after = Some(seq(&text).ok_or_else(|| must_be(SEQ))?),
                "ticket" => read.ticket = Some(text.into_owned()),
                _ => return Err(Problem::field(&name, "is not known here")),
            }
        }
        Ok(read)
    }
}

fn seq(text: &str) -> Option<Seq> {
    text.parse().ok().filter(|seq| *seq >= 0).map(Seq)
}

/// Acknowledge what came by server-sent events
///
/// As the frame `ack`, with the device: everything up to `seq` was kept, and what the person saw or read.
#[utoipa::path(post, path = "/api/stream/ack", tag = "streams", security(("user_token" = []), ("user_cookie" = [])),
    request_body(content = Object, description = r#"`{"device":"b3f1c2","seq":1845,"ids":[{"id":"evt_…","s":"read"}]}`"#),
    responses(
        (status = 204, description = "Taken; it is written soon"),
        (status = 400, description = "What is wrong", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 413, description = "Larger than 8 KiB", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::ws) async fn acknowledge(
    State(node): State<Node>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let user = node.tokens().verify(user_token(&headers, node.cookie())?)?;
    let body = body.or(Err(Problem::new(Code::BodyTooLarge, "an acknowledgement has at most 8192 bytes")))?;
    let (device, Ack { seq, ids }) = Ack::read(&body).map_err(explain)?;
    if let Some(seq) = seq {
        if seq > node.head(user).await? {
            return Err(Problem::field("seq", "is beyond the end of the stream"));
        }
        node.acknowledge(user, device, seq);
    }
    if !ids.is_empty() {
        node.saw(user, &ids);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A fault begins with the member that it is about.
fn explain(fault: Fault) -> Problem {
    match fault {
        Fault::BadFrame(message) => match message.split_once(" must be ") {
            Some((member, wanted)) => Problem::field(member, format!("must be {wanted}")),
            None => Problem::field("body", message),
        },
        Fault::UnknownFrame | Fault::UnsupportedVersion => Problem::field("body", "must be an acknowledgement"),
    }
}
