//! WebSocket clients that owe nothing to the server's library.

use serde_json::{Value, json};

use super::eventually::{SOON, eventually};
use super::peer::python;
use super::process::Process;

/// A client's session.
#[derive(Debug)]
pub(crate) struct WsClient {
    process: Process,
}

impl WsClient {
    /// Opens a plain stream with a bearer token, and waits until it is open.
    pub(crate) async fn open(url: &str, token: &str) -> Self {
        let client = Self::try_open(url, token);
        client.opened().await;
        client
    }

    /// The same without waiting: the server may refuse.
    pub(crate) fn try_open(url: &str, token: &str) -> Self {
        Self::start("ws_client.py", url, &["--header", &format!("Authorization: Bearer {token}")])
    }

    /// Opens a session of the whole protocol as a browser does, and says `hello`.
    pub(crate) async fn greet(url: &str, token: &str, hello: &Value) -> Self {
        let client = Self::offer(url, token);
        client.opened().await;
        let mut whole = json!({"t": "hello", "v": 1});
        whole.as_object_mut().unwrap().extend(hello.as_object().unwrap().clone());
        client.send(&whole);
        client
    }

    /// Offers the protocol and the token as a browser does, and says nothing. The server may refuse.
    pub(crate) fn offer(url: &str, token: &str) -> Self {
        let bearer = format!("ec.bearer.{token}");
        Self::start("ws_client.py", url, &["--subprotocol", "eventcenter.v1.json", "--subprotocol", &bearer])
    }

    /// Opens a plain stream and speaks bytes, as a client may that is broken or means harm: see [`Self::send_bytes`].
    pub(crate) async fn raw(url: &str, token: &str) -> Self {
        let client = Self::start("ws_raw.py", url, &["--header", &format!("Authorization: Bearer {token}")]);
        client.opened().await;
        client
    }

    fn start(program: &str, url: &str, arguments: &[&str]) -> Self {
        Self { process: Process::start(python(program).arg(url).args(arguments)) }
    }

    async fn opened(&self) {
        let first = self.line(0).await;
        assert_eq!(first["open"], true, "{first}");
    }

    /// Whether it knows that it is connected.
    pub(crate) fn is_open(&self) -> bool {
        self.process.stdout().first().is_some_and(|line| line.starts_with(r#"{"open": true"#))
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &Value) {
        self.send_text(&frame.to_string());
    }

    /// Sends a text of one line, whatever it says.
    pub(crate) fn send_text(&self, text: &str) {
        self.process.write(text);
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        self.process.write(&hex);
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

    /// The frames of this kind that have come so far.
    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        let lines = self.process.stdout();
        let frames = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        frames.filter(|frame| frame["t"] == kind).collect()
    }

    /// The first frame of this kind, once it is there.
    pub(crate) async fn first(&self, kind: &str) -> Value {
        self.nth(kind, 0).await
    }

    /// The frame of this kind that came after so many others, once it is there.
    #[track_caller]
    pub(crate) fn nth(&self, kind: &str, index: usize) -> impl Future<Output = Value> {
        eventually(SOON, move || async move { self.all(kind).get(index).cloned() })
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
