//! A client of server-sent events (HTML, "Server-sent events"), for as much of it as browsers use.

use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::eventually::SOON;
use super::http::request;

/// A message of the stream.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its `event:`.
    pub(crate) kind: String,
    /// Its `data:`.
    pub(crate) data: Value,
    /// Its `id:`, if it has one.
    pub(crate) id: Option<String>,
    /// Its `retry:`, if it has one.
    pub(crate) retry: Option<String>,
}

/// An open stream. Dropping it cuts the connection.
#[derive(Debug)]
pub(crate) struct EventStream {
    response: Response,
    /// What has come and was not read yet.
    rest: String,
}

impl EventStream {
    /// Opens it. A refusal is answered by its HTTP status.
    pub(crate) async fn open(
        url: &str,
        token: &str,
        last_event_id: Option<&str>,
    ) -> reqwest::Result<Result<Self, u16>> {
        let mut asked = request(Method::GET, url).bearer_auth(token).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            asked = asked.header("last-event-id", id);
        }
        let response = asked.send().await?;
        if response.status() != 200 {
            return Ok(Err(response.status().as_u16()));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Ok(Self { response, rest: String::new() }))
    }

    /// The next message that is of this kind. Fails the test when there is none.
    pub(crate) async fn comes(&mut self, kind: &str) -> Message {
        loop {
            let message =
                timeout(SOON, self.next()).await.unwrap().unwrap_or_else(|| panic!("it ended without {kind}"));
            if message.kind == kind {
                return message;
            }
        }
    }

    /// The answer's header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().unwrap()
    }

    /// The next message, comments left out; `None` at the end of the stream, however it came.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (message, rest) = (read(block), rest.to_owned());
                self.rest = rest;
                if message.is_some() {
                    return message;
                }
                continue;
            }
            // No message of ours is split within a character: each is written whole, and ends with two newlines.
            let chunk = self.response.chunk().await.ok()??;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn read(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).unwrap();
    let [kind, id, retry] = ["event", "id", "retry"].map(|name| field(name).map(str::to_owned));
    Some(Message { kind: kind.unwrap(), data, id, retry })
}
