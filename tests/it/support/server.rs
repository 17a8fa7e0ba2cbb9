//! A process of an installation, and how services, people and operators speak to it.

use std::process::{Command, ExitStatus};

use reqwest::Method;
use serde_json::{Value, json};

use super::events::json_with;
use super::eventually::{SOON, eventually};
use super::http::{Answer, request};
use super::installation::Installation;
use super::mail_server::Mailbox;
use super::process::Process;
use super::push_service::Browser;
use super::socket::Socket;
use super::ws_client::WsClient;

/// A serving process. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    installation: &'a Installation,
    process: Process,
    url: String,
}

impl<'a> Server<'a> {
    /// Starts it, and waits until it takes requests.
    pub(crate) async fn start(installation: &'a Installation, command: &mut Command) -> Self {
        let process = Process::start(command);
        let address = process.says(address).await;
        Self { installation, process, url: format!("http://{address}") }
    }

    /// `path` as a URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A service's call, without a body.
    pub(crate) async fn service(&self, method: Method, path: &str) -> Answer {
        Answer::to(request(method, &self.url(path)).bearer_auth(&self.installation.service_key)).await
    }

    /// A service's call.
    pub(crate) async fn service_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let call = request(method, &self.url(path)).bearer_auth(&self.installation.service_key);
        Answer::to(call.json(body)).await
    }

    /// A person's call.
    pub(crate) async fn person_json(&self, user: i64, method: Method, path: &str, body: &Value) -> Answer {
        let call = request(method, &self.url(path)).bearer_auth(self.installation.token(user));
        Answer::to(call.json(body)).await
    }

    /// A person's call, without a body.
    pub(crate) async fn person(&self, user: i64, method: Method, path: &str) -> Answer {
        Answer::to(request(method, &self.url(path)).bearer_auth(self.installation.token(user))).await
    }

    /// A call of somebody who does not say who they are.
    pub(crate) async fn stranger_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::to(request(method, &self.url(path)).json(body)).await
    }

    /// A token of this person.
    pub(crate) fn token(&self, user: i64) -> String {
        self.installation.token(user)
    }

    /// A ticket for whoever has this token.
    pub(crate) async fn ticket(&self, token: &str) -> Answer {
        Answer::to(request(Method::POST, &self.url("/api/ws-ticket")).bearer_auth(token)).await
    }

    /// Logs a person out; what is then revoked.
    pub(crate) async fn revoke(&self, user: i64, what: &Value) -> Value {
        self.service_json(Method::POST, &format!("/api/users/{user}/sessions/revoke"), what).await.expect(200).json()
    }

    /// Whether a person is there, as `GET /api/users/{id}/presence` says it.
    pub(crate) async fn presence(&self, user: i64) -> Value {
        self.service(Method::GET, &format!("/api/users/{user}/presence")).await.expect(200).json()
    }

    /// Waits until a person is there on so many sessions.
    pub(crate) async fn is_there(&self, user: i64, sessions: i64) {
        eventually(SOON, || async { (self.presence(user).await["sessions"] == sessions).then_some(()) }).await;
    }

    /// A socket of a device, open and welcomed.
    pub(crate) async fn device(&self, token: &str, device: &str) -> Socket {
        let mut socket = Socket::open(&self.socket(""), Some(token), "eventcenter.v1.json").await.unwrap().unwrap();
        socket.send(&json!({"t": "hello", "v": 1, "device": device, "after": 0})).await.unwrap();
        assert_eq!(socket.frame().await["t"], "welcome");
        socket
    }

    /// Anybody's look.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(request(Method::GET, &self.url(path))).await
    }

    /// Emits one event; its id.
    #[track_caller]
    pub(crate) fn emit(&self, event: &Value) -> impl Future<Output = String> {
        let emit = self.service_json(Method::POST, "/events", event);
        async { emit.await.expect(202).json()["id"].as_str().unwrap().to_owned() }
    }

    /// What `GET /api/events/{id}` says.
    pub(crate) async fn event(&self, id: &str) -> Value {
        self.service(Method::GET, &format!("/api/events/{id}")).await.expect(200).json()
    }

    /// What it says of one channel.
    pub(crate) async fn delivery(&self, id: &str, channel: &str) -> Value {
        let event = self.event(id).await;
        let deliveries = event["deliveries"].as_array().unwrap();
        let found = deliveries.iter().find(|one| one["channel"] == channel);
        found.unwrap_or_else(|| panic!("{id} was not planned for {channel}: {event:#}")).clone()
    }

    /// Waits until a delivery has come to this state, and answers all that is said of it.
    pub(crate) async fn comes_to(&self, id: &str, channel: &str, state: &str) -> Value {
        eventually(SOON, || async {
            let delivery = self.delivery(id, channel).await;
            (delivery["state"] == state).then_some(delivery)
        })
        .await
    }

    /// Emits an event for one channel alone, and waits until its delivery has come to this state; all that is said of it.
    pub(crate) async fn sees(&self, user: i64, fields: &Value, channel: &str, state: &str) -> Value {
        let mut event = json_with(user, fields);
        event["channels"] = json!([channel]);
        let id = self.emit(&event).await;
        self.comes_to(&id, channel, state).await
    }

    /// A session of somebody's, with a query such as `?after=3`.
    pub(crate) async fn session(&self, user: i64, query: &str) -> WsClient {
        WsClient::open(&self.socket(query), &self.installation.token(user)).await
    }

    /// A session of the whole protocol that has said `hello` with these members.
    pub(crate) async fn greet(&self, user: i64, hello: &Value) -> WsClient {
        WsClient::greet(&self.socket(""), &self.installation.token(user), hello).await
    }

    /// Emits so many events to somebody's stream alone.
    pub(crate) async fn emit_many(&self, user: i64, count: usize) {
        let event = json_with(user, &json!({"channels": ["ws"]}));
        self.service_json(Method::POST, "/events", &vec![event; count].into()).await.expect(202);
    }

    /// The address of the socket.
    pub(crate) fn socket(&self, query: &str) -> String {
        format!("{}{query}", self.url("/ws").replacen("http", "ws", 1))
    }

    /// A browser that somebody has subscribed.
    pub(crate) async fn browser(&self, user: i64) -> Browser {
        let browser = Browser::new(&self.installation.vapid_public_key).await;
        self.subscribe(user, &browser).await;
        browser
    }

    /// The same at a push service of this name.
    pub(crate) async fn browser_at(&self, host: &str, user: i64) -> Browser {
        let browser = Browser::at(host, &self.installation.vapid_public_key).await;
        self.subscribe(user, &browser).await;
        browser
    }

    /// Somebody's browsers, as they see them.
    pub(crate) async fn devices(&self, user: i64) -> Vec<Value> {
        let answer = self.person(user, Method::GET, "/api/push/devices").await.expect(200);
        answer.json()["devices"].as_array().unwrap().clone()
    }

    /// Subscribes a browser for somebody; what the subscription is called.
    pub(crate) async fn subscribe(&self, user: i64, browser: &Browser) -> String {
        let answer = self.person_json(user, Method::POST, "/api/push/subscribe", &browser.subscription).await;
        answer.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// A mailbox that a service has stored for somebody who reads this language.
    pub(crate) async fn mailbox(&self, user: i64, locale: &str) -> Mailbox {
        let mailbox = Mailbox::new();
        let contact = json!({"email": mailbox.address, "name": "Анна", "locale": locale});
        self.service_json(Method::PUT, &format!("/api/users/{user}"), &contact).await.expect(200);
        mailbox
    }

    /// A metric's value, labels included in its name as Prometheus shows it; `None` while there is none.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await.expect(200).text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.stderr().join("\n")
    }

    /// Kills it, as the kernel does when memory runs out.
    pub(crate) fn kill9(&self) {
        self.process.kill();
    }

    /// Tells it to stop.
    pub(crate) fn stop(&self) {
        self.process.signal("TERM");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> ExitStatus {
        self.process.ended().await
    }
}

/// What the line of the log that says where it serves says.
fn address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = (line["message"] == "serving").then(|| line["address"].as_str())?;
    address.map(str::to_owned)
}
