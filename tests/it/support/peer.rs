//! Programs of `tests/peers`: what the engine talks to in production, by other hands and in another language.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use super::http::{Answer, request};
use super::process::Process;

/// Longest wait that a control plane is asked for. Only a broken promise needs it.
const WAIT_SECONDS: u32 = 20;

/// A peer with a control plane. It ends with this process, however that ends: its standard input closes.
#[derive(Debug)]
pub(crate) struct Peer {
    ready: Value,
    _process: Process,
}

impl Peer {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(program: &str) -> Self {
        let process = Process::start(&mut python(program));
        let ready = process.says(|line| serde_json::from_str(line).ok()).await;
        Self { ready, _process: process }
    }

    /// What its ready line says of itself.
    pub(crate) fn ready(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.ready))
    }

    /// The same for a list.
    pub(crate) fn ready_list(&self, name: &str) -> Vec<&str> {
        let list = self.ready[name].as_array().unwrap_or_else(|| panic!("no {name}: {}", self.ready));
        list.iter().map(|one| one.as_str().unwrap()).collect()
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> &Value {
        self.number("port")
    }

    /// The same for a number.
    pub(crate) fn number(&self, name: &str) -> &Value {
        &self.ready[name]
    }

    /// Calls its control plane.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut call = request(method, &format!("{}{path}", self.ready("control_url")));
        if let Some(body) = body {
            call = call.json(body);
        }
        let answer = Answer::to(call).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer
    }

    /// What arrived for whom, once there are `count` messages: exactly as many.
    pub(crate) async fn messages(&self, field: &str, value: &str, count: usize) -> Vec<Value> {
        let path = format!("/messages?{field}={value}&count={count}&wait={WAIT_SECONDS}");
        let mut messages = self.call(Method::GET, &path, None).await.json();
        let messages = std::mem::take(messages.as_array_mut().unwrap());
        assert_eq!(messages.len(), count, "{field} {value}: {messages:#?}");
        messages
    }

    /// What has arrived so far.
    pub(crate) async fn messages_so_far(&self, field: &str, value: &str) -> Vec<Value> {
        let mut messages = self.call(Method::GET, &format!("/messages?{field}={value}"), None).await.json();
        std::mem::take(messages.as_array_mut().unwrap())
    }
}

/// A program of `tests/peers`, to be given arguments and started.
pub(crate) fn python(program: &str) -> Command {
    let mut command = Command::new(interpreter());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(program));
    command
}

/// A Python that has what `tests/requirements.txt` lists.
pub(crate) fn interpreter() -> PathBuf {
    if let Some(path) = std::env::var_os("EVENTCENTER_TEST_PYTHON") {
        return path.into();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    assert!(path.exists(), "{} is missing: `make test` sets it up, as does `scripts/setup mail tests`", path.display());
    path
}
