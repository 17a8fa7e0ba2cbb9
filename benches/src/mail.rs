//! One prepared mail, again and again over 4 connections, into Postfix's smtp-sink.
//!
//! Every contender sends the same bytes, so that this is about SMTP alone. The sink ends with the mail after the last
//! one, which is sent to see just that: a rate counts only when all mails arrived, and each once.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_workers::email::{CONNECTIONS, Parcel, Smtp, SmtpConfig};
use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::command::{command, node, number_after, output};
use crate::report::{Row, Samples, Target};
use crate::{Args, Result};

/// Mails of a round. Whoever is slow gets fewer: a round takes seconds all the same.
const OURS: u32 = 8_000;
const NODEMAILER: u32 = 1_200;
const LETTRE: u32 = 400;
/// What a mail of ours weighs: two parts in Cyrillic.
const LINES: usize = 160;
const FROM: &str = "no-reply@example.org";
const TO: &str = "anna@example.org";
/// A sink that is not there by then will not come.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(args: &Args) -> Result<Vec<Row>> {
    let mail = mail();
    let file = std::env::temp_dir().join(format!("eventcenter-bench-{}.eml", uuid::Uuid::now_v7()));
    tokio::fs::write(&file, &mail).await?;
    let [mut ours, mut lettre, mut nodemailer] = [const { Samples::new() }; 3];
    for _ in 0..args.rounds {
        let sink = Sink::start(&args.postfix, OURS).await?;
        ours.add(through_ours(&sink, &mail).await?);
        sink.took_all(&mail).await?;
        let sink = Sink::start(&args.postfix, LETTRE).await?;
        lettre.add(through_lettre(&sink, &mail).await?);
        sink.took_all(&mail).await?;
        let sink = Sink::start(&args.postfix, NODEMAILER).await?;
        nodemailer.add(through_nodemailer(args, &sink, &file).await?);
        sink.took_all(&mail).await?;
    }
    tokio::fs::remove_file(&file).await?;
    Ok(vec![
        Row::against("mail, 4 connections into smtp-sink", &ours, "nodemailer's pool", &nodemailer, Target::Times(5.0)),
        Row::against("mail, 4 connections into smtp-sink", &ours, "lettre's own pool", &lettre, Target::Times(5.0)),
    ])
}

/// As large as a mail of ours, headers and all.
fn mail() -> String {
    let headers = format!("From: <{FROM}>\r\nTo: <{TO}>\r\nSubject: Bench\r\nMessage-ID: <bench@example.org>\r\n\r\n");
    let line = "0KLQtdC60YHRgiDQv9C40YHRjNC80LAsINC60L7RgtC+0YDQvtC1INC90LjQutGC0L4g0L3QtSDRhw==\r\n";
    headers + &line.repeat(LINES)
}

async fn through_ours(sink: &Sink, mail: &str) -> Result<f64> {
    let smtp = Arc::new(sink.client()?);
    let parcel = Arc::new(parcel(mail)?);
    at_once(OURS, move || {
        let (smtp, parcel) = (Arc::clone(&smtp), Arc::clone(&parcel));
        async move {
            let by = tokio::time::Instant::now() + Duration::from_mins(1);
            smtp.send(&parcel, by).await.map(drop).map_err(|failure| failure.to_string().into())
        }
    })
    .await
}

fn parcel(mail: &str) -> Result<Parcel> {
    Ok(Parcel { sender: FROM.parse()?, recipient: TO.parse()?, content: mail.as_bytes().to_vec() })
}

async fn through_lettre(sink: &Sink, mail: &str) -> Result<f64> {
    let pool = PoolConfig::new().max_size(u32::try_from(CONNECTIONS)?);
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1");
    let transport = transport.port(sink.port).pool_config(pool).build();
    let envelope = Envelope::new(Some(FROM.parse()?), vec![TO.parse()?])?;
    let mail: Arc<[u8]> = mail.as_bytes().into();
    at_once(LETTRE, move || {
        let (transport, envelope, mail) = (transport.clone(), envelope.clone(), Arc::clone(&mail));
        async move { Ok(transport.send_raw(&envelope, &mail).await.map(drop)?) }
    })
    .await
}

async fn through_nodemailer(args: &Args, sink: &Sink, file: &Path) -> Result<f64> {
    let mut nodemailer = node(&args.home, "nodemailer.mjs")?;
    let (port, mails, connections) = (sink.port.to_string(), NODEMAILER.to_string(), CONNECTIONS.to_string());
    nodemailer.args([&port, &mails, &connections, FROM, TO]).arg(file);
    number_after(&output(nodemailer).await?, "")
}

/// `mails` times, so many at a time as there are connections; mails a second.
async fn at_once<Sending>(mails: u32, send: impl Fn() -> Sending + Clone + Send + 'static) -> Result<f64>
where
    Sending: Future<Output = Result<()>> + Send,
{
    let connections = u32::try_from(CONNECTIONS)?;
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let send = send.clone();
        senders.spawn(async move {
            for _ in 0..mails / connections {
                send().await?;
            }
            Ok::<(), crate::Error>(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(f64::from(mails) / began.elapsed().as_secs_f64())
}

/// Postfix's own test server. It throws mail away, counts it, and ends when it has enough.
struct Sink {
    port: u16,
    process: Child,
}

impl Sink {
    async fn start(postfix: &Path, mails: u32) -> Result<Self> {
        let program = postfix.join("usr/sbin/smtp-sink");
        let libraries = std::fs::read_dir(postfix.join("usr/lib"))?.filter_map(|entry| Some(entry.ok()?.path()));
        let path = std::env::join_paths(libraries)?;
        // Nothing else takes the port in between, on a machine that measures.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut sink = command(program);
        // As root it wants to know whom to become; elsewhere it stays who it is.
        if command("id").arg("-u").output().await?.stdout.trim_ascii() == b"0" {
            sink.args(["-u", "root"]);
        }
        sink.arg("-M").arg((mails + 1).to_string()).arg(format!("127.0.0.1:{port}")).arg("1000");
        let process = sink.env("LD_LIBRARY_PATH", path).spawn()?;
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("smtp-sink does not listen".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { port, process })
    }

    fn client(&self) -> Result<Smtp> {
        let config = SmtpConfig::parse(&format!("smtp://127.0.0.1:{}?tls=none", self.port))?;
        Ok(Smtp::new(config, "bench.example.org")?)
    }

    /// Sends one mail more, with which the sink ends if it has taken all others.
    async fn took_all(mut self, mail: &str) -> Result<()> {
        if let Some(early) = self.process.try_wait()? {
            return Err(format!("smtp-sink ended early, with {early}").into());
        }
        // It hangs up instead of answering this one.
        self.client()?.send(&parcel(mail)?, tokio::time::Instant::now() + PATIENCE * 3).await.ok();
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        let ended = ended.map_err(|_late| "smtp-sink has not got every mail")??;
        if ended.success() { Ok(()) } else { Err(format!("smtp-sink ended with {ended}").into()) }
    }
}
