//! A WebSocket client that owes nothing to the server's library.

use serde_json::Value;

use super::eventually::{SOON, eventually};
use super::peer::python;
use super::process::Process;

/// A client's session.
#[derive(Debug)]
pub(crate) struct WsClient {
    process: Process,
}

impl WsClient {
    /// Opens a session with a bearer token, and waits until it is open.
    pub(crate) async fn open(url: &str, token: &str) -> Self {
        let client = Self::try_open(url, token);
        let first = client.line(0).await;
        assert_eq!(first["open"], true, "{first}");
        client
    }

    /// The same without waiting: the server may refuse.
    pub(crate) fn try_open(url: &str, token: &str) -> Self {
        let mut command = python("ws_client.py");
        command.arg(url).arg("--header").arg(format!("Authorization: Bearer {token}"));
        Self { process: Process::start(&mut command) }
    }

    /// Whether it knows that it is connected.
    pub(crate) fn is_open(&self) -> bool {
        self.process.stdout().first().is_some_and(|line| line.starts_with(r#"{"open": true"#))
    }

    async fn line(&self, index: usize) -> Value {
        let line = eventually(SOON, || async { self.process.stdout().get(index).cloned() }).await;
        serde_json::from_str(&line).unwrap()
    }

    /// The frame that came after so many others, once it is there.
    pub(crate) async fn frame(&self, index: usize) -> Value {
        self.line(index + 1).await
    }

    /// How many frames have come so far.
    pub(crate) fn frames(&self) -> usize {
        self.process.stdout().len() - 1
    }

    /// The same frame, byte by byte.
    pub(crate) fn text(&self, index: usize) -> String {
        self.process.stdout()[index + 1].clone()
    }

    /// Waits for the end, and answers its code.
    pub(crate) async fn closed(&self) -> Value {
        self.process.ended().await;
        eventually(SOON, || async {
            let last = self.process.stdout().last().cloned()?;
            let last: Value = serde_json::from_str(&last).ok()?;
            last.get("close").map(|_| last.clone())
        })
        .await
    }
}
