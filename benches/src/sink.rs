//! The push service that everybody sends to, and what is sent: see `bin/push_sink.rs`.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::store::Store;
use eventcenter_workers::push::{
    EndpointPolicy, FixedHosts, Push, PushConfig, Subject, VapidKey, VapidKeys, decode_base64,
};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use uuid::Uuid;

use crate::command::{command, output};
use crate::server::Server;
use crate::{Args, Result};

/// A browser's keys: those of RFC 8291, appendix A.
pub(crate) const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub(crate) const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
/// And a sender's key from there.
pub(crate) const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
pub(crate) const SUBJECT: &str = "mailto:ops@example.org";
/// As in production.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A running sink. Ends with us.
pub(crate) struct Sink {
    directory: PathBuf,
    ports: Vec<String>,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Sink {
    /// Starts one port for each of these manners.
    pub(crate) async fn start(args: &Args, manners: &[&str]) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("eventcenter-sink-{}", Uuid::now_v7()));
        std::fs::create_dir(&directory)?;
        let mut certificates = command(&args.python);
        certificates.arg("tests/peers/certificates.py").arg(&directory);
        output(certificates).await?;
        let mut sink = command(std::env::current_exe()?.with_file_name("push_sink"));
        sink.arg(directory.join("server.pem")).args(manners).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = sink.spawn()?;
        let orders = process.stdin.take().ok_or("no standard input")?;
        let mut answers = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        let ports = answers.next_line().await?.ok_or("the sink ended")?;
        let ports = ports.split(' ').map(str::to_owned).collect();
        Ok(Self { directory, ports, orders, answers, _process: process })
    }

    /// What endpoints begin with.
    pub(crate) fn origins(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("https://localhost:{port}")).collect()
    }

    /// The file of the authority that vouches for it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// How many messages each port has taken.
    pub(crate) async fn counts(&mut self) -> Result<Vec<u32>> {
        self.ask("counts").await
    }

    /// From now on all are well.
    pub(crate) async fn recover(&mut self) -> Result<()> {
        self.ask("recover").await.map(drop)
    }

    async fn ask(&mut self, order: &str) -> Result<Vec<u32>> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.ok_or("the sink ended")?;
        Ok(answer.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?)
    }

    /// The channel as production has it, and this sink for its only service.
    pub(crate) fn channel(&self) -> Result<Arc<Push>> {
        Ok(Arc::new(Push::new(PushConfig {
            keys: keys()?,
            subject: Subject::parse(SUBJECT)?,
            app_url: "https://app.example.org".parse()?,
            endpoint_policy: EndpointPolicy::Loopback,
            fixed_hosts: FixedHosts::new(),
            extra_ca_pem: Some(std::fs::read(self.authority())?),
            timeout: TIMEOUT,
        })?))
    }

    /// A new database of so many people, each with a browser of one of these origins, and a push for each of them.
    pub(crate) async fn filled(server: &Server, people: u32, origins: &[String]) -> Result<(String, Store)> {
        let (url, store) = server.migrated("push").await?;
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::query(include_str!("../sql/fill_browsers.sql"))
            .bind(i32::try_from(people)?)
            .bind(origins)
            .bind(decode_base64(P256DH)?)
            .bind(decode_base64(AUTH)?)
            .bind(keys()?.current().id())
            .execute(&mut connection)
            .await?;
        sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
        connection.close().await?;
        server.checkpoint().await?;
        Ok((url, store))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

pub(crate) fn keys() -> Result<VapidKeys> {
    Ok(VapidKeys::new(VapidKey::from_secret(PRIVATE_KEY)?, Vec::new()))
}
