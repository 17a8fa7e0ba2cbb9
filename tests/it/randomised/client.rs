//! A client that keeps its position and loses its connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::support::event_stream::EventStream;
use crate::support::socket::{Message, Socket};

/// Longest pause before a client comes back.
const PAUSE_MAX_MS: u64 = 30;
/// Events between two acks. Whoever asks for a window would wait for ever without, and more acks would be too many.
const ACK_EVERY: u64 = 8;
/// A node that was killed answers nothing.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// Where nodes serve at the moment.
pub(super) type Nodes = Arc<Mutex<Vec<String>>>;

/// How a client follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// A socket with `hello`.
    Whole,
    /// A socket with `?after=`.
    Plain,
    /// Server-sent events.
    Events,
}

pub(super) struct Client {
    pub(super) transport: Transport,
    pub(super) user: i64,
    pub(super) device: String,
    pub(super) token: String,
    pub(super) nodes: Nodes,
    /// How many events the stream has in the end, once that is known.
    pub(super) goal: watch::Receiver<Option<usize>>,
    pub(super) random: StdRng,
    /// The events it has, from number 1 on.
    pub(super) has: Vec<String>,
    pub(super) resume: Option<String>,
}

enum Connection {
    Socket(Socket),
    Events(EventStream),
}

impl Client {
    /// Follows until it has everything, and answers what that is.
    pub(super) async fn follow(mut self) -> (i64, Vec<String>) {
        while !self.has_all() {
            let deadline = Instant::now() + OPEN_MAX;
            if let Ok(Some(connection)) = timeout_at(deadline, self.connect()).await {
                self.listen(connection).await;
            }
            let pause = Duration::from_millis(self.random.random_range(0..PAUSE_MAX_MS));
            sleep_until(Instant::now() + pause).await;
        }
        (self.user, self.has)
    }

    fn has_all(&self) -> bool {
        *self.goal.borrow() == Some(self.has.len())
    }

    async fn connect(&mut self) -> Option<Connection> {
        let node = self.nodes.lock().unwrap().choose(&mut self.random)?.clone();
        let socket = node.replacen("http", "ws", 1);
        let (has, device) = (self.has.len(), self.device.clone());
        // Without a position of its own a client begins where its person's other devices are.
        let by_token = has > 0 && self.random.random_bool(0.5);
        let resume = self.resume.clone().filter(|_| by_token);
        match self.transport {
            Transport::Plain => {
                let url = format!("{socket}/ws?after={has}");
                Some(Connection::Socket(Socket::open(&url, Some(&self.token), "").await.ok()?.ok()?))
            }
            Transport::Whole => {
                let offered = format!("eventcenter.v1.json, ec.bearer.{}", self.token);
                let mut socket = Socket::open(&format!("{socket}/ws"), None, &offered).await.ok()?.ok()?;
                let mut hello = json!({"t": "hello", "v": 1, "device": device});
                match resume {
                    Some(resume) => hello["resume"] = json!(resume),
                    None => hello["after"] = json!(has),
                }
                if self.random.random_bool(0.5) {
                    hello["window"] = json!(self.random.random_range(ACK_EVERY..=256));
                }
                socket.send(&hello).await.ok()?;
                Some(Connection::Socket(socket))
            }
            Transport::Events => {
                let after = if resume.is_none() { format!("&after={has}") } else { String::new() };
                let url = format!("{node}/api/stream?device={device}{after}");
                Some(Connection::Events(EventStream::open(&url, &self.token, resume.as_deref()).await.ok()?.ok()?))
            }
        }
    }

    /// Listens until the connection is lost, or thrown away.
    async fn listen(&mut self, mut connection: Connection) {
        let patience = if self.random.random_bool(0.7) { 300 } else { 3000 };
        let until = Instant::now() + Duration::from_millis(self.random.random_range(0..patience));
        let mut goal = self.goal.clone();
        while !self.has_all() {
            tokio::select! {
                is_open = self.hear(&mut connection) => if !is_open { return },
                () = sleep_until(until) => return,
                _ = goal.changed() => {}
            }
        }
    }

    /// Whether the connection is still there. Dropping a call drops the connection.
    async fn hear(&mut self, connection: &mut Connection) -> bool {
        match connection {
            Connection::Socket(socket) => match socket.next().await {
                Message::Frame(frame) => {
                    self.take(&frame["t"], &frame, None);
                    self.answer(&frame, socket).await;
                    true
                }
                Message::Closed(code) => {
                    assert!(![1002, 1003, 1007, 1009, 4000, 4001, 4004].contains(&code), "closed with {code}");
                    false
                }
                Message::Cut => false,
            },
            Connection::Events(events) => match events.next().await {
                Some(message) => {
                    self.take(&json!(message.kind), &message.data, message.id);
                    true
                }
                None => false,
            },
        }
    }

    /// Keeps what is new. What came before is known already; what is ahead of the next one means a loss.
    fn take(&mut self, kind: &Value, frame: &Value, id: Option<String>) {
        assert_eq!(kind, &frame["t"]);
        match kind.as_str().unwrap() {
            "event" => {
                let seq = usize::try_from(frame["seq"].as_u64().unwrap()).unwrap();
                let has = self.has.len();
                assert!(seq <= has + 1, "{self:?} has {has} and hears {seq}");
                let event = frame["event"]["id"].as_str().unwrap();
                if seq == has + 1 {
                    self.has.push(event.to_owned());
                } else {
                    assert_eq!(self.has[seq - 1], event, "{self:?} hears another event at {seq}");
                }
                self.resume = id.or_else(|| self.resume.take());
            }
            "welcome" | "replay_done" | "ping" => {
                // A token may be behind what came since, never ahead of it.
                self.resume = id.or_else(|| Some(frame["resume"].as_str().unwrap().to_owned()));
            }
            "gap" | "error" => panic!("{self:?} hears {frame}"),
            _ => {}
        }
    }

    async fn answer(&mut self, frame: &Value, socket: &mut Socket) {
        let answer = match frame["t"].as_str().unwrap() {
            "event" if frame["seq"].as_u64().unwrap().is_multiple_of(ACK_EVERY) => {
                json!({"t": "ack", "seq": frame["seq"]})
            }
            "ping" => json!({"t": "pong"}),
            _ => return,
        };
        // A broken connection shows when it is read.
        socket.send(&answer).await.ok();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} by {:?}", self.device, self.user, self.transport)
    }
}
