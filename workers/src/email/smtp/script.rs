//! An SMTP server on loopback that answers by script.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What a connection answers differently: the beginning of a command (`greeting` and `.` count as such) and the reply,
/// which is [`HANG`], or ends in [`CLOSE`] when the server then hangs up.
pub(crate) type Deviations = &'static [(&'static str, &'static str)];

/// Never answer.
pub(crate) const HANG: &str = "hang";
/// Hang up, after what comes before it.
pub(crate) const CLOSE: &str = "|close";

/// What the server has seen.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) connections: usize,
    pub(crate) open: usize,
    pub(crate) most_open: usize,
    pub(crate) commands: Vec<String>,
    pub(crate) mails: Vec<String>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    log: Arc<watch::Sender<Log>>,
    _accepting: JoinSet<()>,
}

impl Server {
    /// Connection n follows script n, and the last script is for all that come after it.
    pub(crate) async fn start(scripts: &'static [Deviations]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::<watch::Sender<Log>>::default();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, scripts, Arc::clone(&log)));
        Self { port, log, _accepting: accepting }
    }

    pub(crate) fn log(&self) -> Log {
        self.log.borrow().clone()
    }

    /// Returns once it has taken that many mails.
    pub(crate) async fn has_mails(&self, count: usize) {
        let mut log = self.log.subscribe();
        let waiting = log.wait_for(|log| log.mails.len() == count);
        timeout(Duration::from_secs(10), waiting).await.expect("the mails should have come by now").unwrap();
    }
}

async fn accept(listener: TcpListener, scripts: &'static [Deviations], log: Arc<watch::Sender<Log>>) {
    let mut connections = JoinSet::new();
    for n in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let script = scripts[n.min(scripts.len() - 1)];
        let log = Arc::clone(&log);
        connections.spawn(async move {
            log.send_modify(enter);
            // A client that goes away in the middle is part of the tests.
            converse(stream, script, &log).await.ok();
            log.send_modify(|log| log.open -= 1);
        });
    }
}

fn enter(log: &mut Log) {
    log.connections += 1;
    log.open += 1;
    log.most_open = log.most_open.max(log.open);
}

async fn converse(mut stream: TcpStream, script: Deviations, log: &watch::Sender<Log>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading);
    let mut command = "greeting".to_owned();
    loop {
        let deviation = script.iter().find(|(prefix, _)| command.starts_with(prefix));
        let reply = deviation.map_or_else(|| usual(&command), |(_, reply)| reply);
        if reply == HANG {
            std::future::pending::<()>().await;
        }
        let (words, closes) = reply.strip_suffix(CLOSE).map_or((reply, false), |words| (words, true));
        if !words.is_empty() {
            writing.write_all(format!("{words}\r\n").as_bytes()).await?;
        }
        if closes {
            return Ok(());
        }
        if words.lines().last().is_some_and(|line| line.starts_with("354")) {
            let mail = read_mail(&mut lines).await?;
            log.send_modify(|log| log.mails.push(mail));
            ".".clone_into(&mut command);
            continue;
        }
        command.clear();
        if lines.read_line(&mut command).await? == 0 {
            return Ok(());
        }
        log.send_modify(|log| log.commands.push(command.trim_end().to_owned()));
    }
}

/// For a server that takes commands at once (RFC 2920).
pub(crate) const PIPELINING: (&str, &str) = ("EHLO", "250-script\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN");

fn usual(command: &str) -> &'static str {
    match command.get(..4).unwrap_or(command) {
        "gree" => "220 script ESMTP",
        "EHLO" => "250-script\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 2.7.0 Welcome",
        "DATA" => "354 Go ahead",
        "QUIT" => "221 2.0.0 Bye|close",
        _ => "250 2.0.0 Ok",
    }
}

/// The mail as it was before DATA's dots were doubled.
async fn read_mail(lines: &mut BufReader<tokio::net::tcp::ReadHalf<'_>>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
