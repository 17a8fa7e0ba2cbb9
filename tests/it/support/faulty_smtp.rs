//! An SMTP server that misbehaves by plan: each connection in another way, then never again.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a connection does wrong, once: at which command, and what it answers. An empty answer hangs up. `.` is the end of
/// a mail, and `..` the time before it, when only a part of the mail has come.
pub(crate) type Misdeed = (&'static str, &'static str);

/// A server on loopback. It goes with the test.
#[derive(Debug)]
pub(crate) struct FaultySmtp {
    port: u16,
    seen: Arc<Seen>,
    _accepting: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    plan: Mutex<VecDeque<Misdeed>>,
    /// Message-IDs of the mails that it took, with how often.
    mails: Mutex<HashMap<String, u32>>,
}

impl FaultySmtp {
    /// One that does these things wrong, a connection each.
    pub(crate) async fn start(plan: &[Misdeed]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen { plan: Mutex::new(plan.iter().copied().collect()), ..Seen::default() });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&seen)));
        Self { port, seen, _accepting: accepting }
    }

    /// What `EVENTCENTER_SMTP_URL` says.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }

    /// How many misdeeds are still to come.
    pub(crate) fn planned(&self) -> usize {
        self.seen.plan.lock().unwrap().len()
    }

    /// How often each mail was taken, by Message-ID.
    pub(crate) fn mails(&self) -> HashMap<String, u32> {
        self.seen.mails.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let seen = Arc::clone(&seen);
        connections.spawn(async move {
            // A client that goes away is what this is about.
            converse(stream, &seen).await.ok();
        });
    }
}

async fn converse(mut stream: TcpStream, seen: &Seen) -> std::io::Result<()> {
    let misdeed = seen.plan.lock().unwrap().pop_front();
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading).lines();
    let mut command = "greeting".to_owned();
    loop {
        let wrong = misdeed.filter(|(at, _)| command.starts_with(at)).map(|(_, answer)| answer);
        let answer = match (wrong, command.get(..4).unwrap_or(&command)) {
            (Some(""), _) => return Ok(()),
            (Some(answer), _) => answer,
            (None, "gree") => "220 faulty",
            (None, "EHLO") => "250 faulty",
            (None, "DATA") => "354 go ahead",
            (None, "QUIT") => "221 bye",
            (None, _) => "250 2.0.0 fine",
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if answer.starts_with("354") {
            let is_cut = misdeed.is_some_and(|(at, _)| at == "..");
            let Some(id) = read_mail(&mut lines, is_cut).await? else { return Ok(()) };
            let is_refused = misdeed.is_some_and(|(at, answer)| at == "." && !answer.is_empty());
            if !is_refused {
                *seen.mails.lock().unwrap().entry(id).or_default() += 1;
            }
            ".".clone_into(&mut command);
        } else {
            let Some(line) = lines.next_line().await? else { return Ok(()) };
            command = line;
        }
    }
}

/// Reads a mail; its Message-ID, if all of it came.
async fn read_mail(
    lines: &mut tokio::io::Lines<BufReader<tokio::net::tcp::ReadHalf<'_>>>,
    is_cut: bool,
) -> std::io::Result<Option<String>> {
    let mut id = None;
    while let Some(line) = lines.next_line().await? {
        if is_cut {
            return Ok(None);
        }
        if line == "." {
            return Ok(id);
        }
        id = id.or_else(|| line.strip_prefix("Message-ID: ").map(str::to_owned));
    }
    Ok(None)
}
