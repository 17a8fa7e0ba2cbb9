//! `eventcenter dev`: the whole engine on one machine, with nothing to set up and nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::database::Database;
use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::eventcenter;
use crate::support::process::Process;
use crate::support::ws_client::WsClient;

/// A data directory that goes with the test.
#[derive(Debug)]
struct Data(PathBuf);

impl Data {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("eventcenter-dev-{}", Uuid::now_v7().simple())))
    }

    /// The server's process, which `postgres` writes into its own data.
    fn postgres(&self) -> String {
        let file = fs::read_to_string(self.0.join("postgres/cluster/data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running `eventcenter dev`.
#[derive(Debug)]
struct Dev {
    process: Process,
    json: Value,
}

impl Dev {
    async fn start(data: &Data) -> Self {
        let mut command = eventcenter(&["dev", "--listen=127.0.0.1:0"]);
        Self::start_by(command.arg("--data").arg(&data.0), data).await
    }

    async fn start_by(command: &mut Command, data: &Data) -> Self {
        let process = Process::start(command);
        process.says(|line| line.contains("Ctrl-C stops it").then_some(())).await;
        let json = fs::read_to_string(data.0.join("dev.json")).unwrap();
        Self { process, json: serde_json::from_str(&json).unwrap() }
    }

    fn says(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }

    async fn ask(&self, method: Method, path: &str) -> Answer {
        let url = format!("{}{path}", self.says("url").trim_end_matches('/'));
        Answer::to(request(method, &url).bearer_auth(self.says("service_key"))).await
    }

    /// The command that it tells people to paste.
    fn curl(&self) -> String {
        let lines = self.process.stdout();
        let lines = lines.iter().map(|line| line.trim_start()).skip_while(|line| !line.starts_with("curl "));
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

fn is_running(process: &str) -> bool {
    let asked = Command::new("sh").args(["-c", r#"kill -0 "$0" 2>/dev/null"#, process]).status();
    asked.unwrap().success()
}

async fn is_gone(process: &str) {
    eventually(SOON, || async { (!is_running(process)).then_some(()) }).await;
}

#[tokio::test]
async fn dev_runs_at_once_keeps_its_data_and_leaves_nothing_running() {
    let data = Data::new();
    let dev = Dev::start(&data).await;
    let postgres = data.postgres();
    assert!(is_running(&postgres));
    let mode = fs::metadata(data.0.join("dev.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    for name in ["url", "database_url", "service_key", "jwt_secret"] {
        assert!(!dev.says(name).is_empty(), "{name}");
    }

    let pasted = Command::new("sh").args(["-c", &dev.curl()]).env("NO_PROXY", "127.0.0.1").output().unwrap();
    let said: Value = serde_json::from_slice(&pasted.stdout).unwrap_or_else(|_| panic!("{pasted:?}"));
    let id = said["id"].as_str().unwrap().to_owned();

    let event = dev.ask(Method::GET, &format!("/api/events/{id}")).await.expect(200).json();
    assert_eq!((&event["user_id"], &event["deliveries"][0]["state"]), (&json!(42), &json!("sent")));
    dev.process.signal("INT");
    assert_eq!(dev.process.ended().await.code(), Some(0));
    is_gone(&postgres).await;

    let dev = Dev::start(&data).await;
    dev.ask(Method::GET, &format!("/api/events/{id}")).await.expect(200);
    let postgres = data.postgres();
    dev.process.kill();
    is_gone(&postgres).await;

    let dev = Dev::start(&data).await;
    dev.ask(Method::GET, &format!("/api/events/{id}")).await.expect(200);
    let postgres = data.postgres();
    drop(dev);
    is_gone(&postgres).await;
}

#[tokio::test]
async fn the_demo_page_its_socket_and_its_mail_work_beside_a_database_of_ones_own() {
    let (data, db) = (Data::new(), Database::fresh().await);
    let mut command = eventcenter(&["dev", "--listen=127.0.0.1:0"]);
    let dev = Dev::start_by(command.arg("--data").arg(&data.0).env("DATABASE_URL", db.url()), &data).await;
    assert_eq!(dev.says("database_url"), db.url());
    assert!(!data.0.join("postgres").exists(), "a database was given, so none is started");

    for page in ["/", "/dev/mail"] {
        let page = dev.ask(Method::GET, page).await.expect(200);
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        for part in linked(&page.text) {
            let part = dev.ask(Method::GET, part).await.expect(200);
            assert!(!part.text.is_empty(), "{part:?}");
        }
    }
    let url = dev.says("url").trim_end_matches('/');
    let token = dev.ask(Method::GET, "/dev/token?user=42").await.expect(200).json();
    let socket = format!("{}/ws", url.replacen("http", "ws", 1));
    let session = WsClient::open(&socket, token["token"].as_str().unwrap()).await;
    let event = json_with(42, &json!({"title": "Письмо", "channels": ["ws", "email"]}));
    Answer::to(request(Method::POST, &format!("{url}/dev/emit")).json(&event)).await.expect(202);

    assert_eq!(session.frame(0).await["event"]["title"], "Письмо");
    let mail = eventually(SOON, || async {
        let mails = dev.ask(Method::GET, "/dev/mails").await.expect(200).json();
        mails.get(0).cloned()
    })
    .await;
    assert_eq!(
        (&mail["subject"], &mail["to"].as_str().unwrap().contains("anna@example.org")),
        (&json!("Письмо"), &true)
    );
    let html = format!("/dev/mails/{}/html", mail["name"].as_str().unwrap());
    let html = dev.ask(Method::GET, &html).await.expect(200);
    assert!(html.header("content-security-policy").ends_with("sandbox"), "{html:?}");
    let foreign = request(Method::GET, &format!("{url}/dev/token?user=42")).header("Host", "evil.example");
    Answer::to(foreign).await.expect(403);
}

/// The scripts and styles of a page.
fn linked(html: &str) -> Vec<&str> {
    let parts: Vec<&str> = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|before| html.split(before).skip(1).filter_map(|rest| rest.split('"').next()))
        .filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "js" || kind == "css"))
        .collect();
    assert!(!parts.is_empty(), "{html}");
    parts
}

#[tokio::test]
async fn dev_says_in_one_line_why_it_does_not_start() {
    let data = Data::new();
    for (argument, why) in
        [("--listen=0.0.0.0:0", "loopback only"), ("--pg-bindir=/nonexistent", "PG_BINDIR is /nonexistent")]
    {
        let said = eventcenter(&["dev", argument]).arg("--data").arg(&data.0).output().unwrap();
        let lines = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(1), "{lines}");
        assert!(lines.lines().count() == 1 && lines.contains(why), "{lines}");
    }
}
