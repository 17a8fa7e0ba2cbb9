//! The command line: exit status 0 only when what was asked holds.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::command::{Said, run};
use crate::support::database::Database;
use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::{Installation, eventcenter};
use crate::support::process::Process;
use crate::support::ws_client::WsClient;

#[tokio::test]
async fn a_key_opens_the_door_until_it_is_revoked() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let db = &installation.db;
    let ask = async |key: &str| {
        let call = request(Method::GET, &server.url("/api/deliveries")).bearer_auth(key);
        Answer::to(call).await.status.as_u16()
    };

    let made = run(db, &["key", "create", "photos", "--json"]).json();

    let (id, key) = (made["id"].to_string(), made["key"].as_str().unwrap());
    // A server that looked for keys a moment ago does not look again at once.
    eventually(SOON, || async { (ask(key).await == 200).then_some(()) }).await;
    let list = run(db, &["key", "list"]).ok();
    assert!(list.contains("photos") && !list.contains(key), "{list}");
    run(db, &["key", "revoke", &id]).ok();
    eventually(SOON, || async { (ask(key).await == 401).then_some(()) }).await;
    assert_eq!(ask(&installation.service_key).await, 200);
    let unknown = run(db, &["key", "revoke", "999"]);
    assert_eq!((unknown.status, unknown.err.contains("999")), (1, true), "{unknown:?}");
}

#[tokio::test]
async fn a_token_opens_its_persons_socket() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let mut token = eventcenter(&["token", "--user", "42"]);
    let token = Said::by(token.env("EVENTCENTER_JWT_SECRET", &installation.jwt_secret)).ok();

    let session = WsClient::open(&server.socket(""), &token).await;
    let id = server.emit(&json_with(42, &json!({}))).await;
    assert_eq!(session.frame(0).await["event"]["id"], json!(id));
    let forged = WsClient::try_open(&server.socket(""), &token[1..]);
    assert_eq!(forged.closed().await["status"], 401);
}

#[tokio::test]
async fn a_generated_vapid_key_is_what_serve_takes() {
    let installation = Installation::fresh().await;
    let pair = Said::by(&mut eventcenter(&["vapid", "generate", "--json"])).json();
    let private = pair["private_key"].as_str().unwrap();

    let server = installation.serve_with(&[("EVENTCENTER_VAPID_KEYS", private)]).await;

    let call = request(Method::GET, &server.url("/api/push/key")).bearer_auth(installation.token(42));
    assert_eq!(Answer::to(call).await.expect(200).json()["key"], pair["public_key"]);
    let line = Said::by(&mut eventcenter(&["vapid", "generate"])).ok();
    assert!(line.starts_with("EVENTCENTER_VAPID_KEYS=") && !line.contains(private), "{line}");
}

#[tokio::test]
async fn what_is_emitted_is_shown_followed_and_audited() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let db = &installation.db;
    let url = server.url("");
    let emit = |arguments: &[&str]| {
        let mut command = eventcenter(&[&["emit", "--url", &url], arguments].concat());
        Said::by(command.env("EVENTCENTER_SERVICE_KEY", &installation.service_key))
    };
    let follow = ["tail", "--user", "42", "--after", "0", "--json"];
    let follower = Process::start(eventcenter(&follow).env("DATABASE_URL", db.url()));

    let id = emit(&["--user", "42", "--type", "job.done", "--title", "Ready", "--channels", "ws"]).ok();
    let again = json_with(42, &json!({"id": "photo-7", "title": "Again"})).to_string();
    assert_eq!(emit(&[&again]).ok(), "photo-7");
    assert_eq!(emit(&[&again]).ok(), "photo-7  known already");
    let wrong = emit(&["--user", "42", "--type", "job.done", "--title", " "]);
    assert_eq!((wrong.status, wrong.out.contains("title")), (1, true), "{wrong:?}");

    for title in ["Ready", "Again"] {
        follower
            .says(|line| (serde_json::from_str::<Value>(line).ok()?["event"]["title"] == title).then_some(()))
            .await;
    }
    follower.signal("INT");
    assert_eq!(follower.ended().await.code(), Some(0));
    let status = run(db, &["status", &id]).ok();
    assert!(status.contains("ws     sent  seq 1"), "{status}");
    assert_eq!(run(db, &["status", "photo-7", "--json"]).json()["event"]["title"], "Again");
    assert_eq!(run(db, &["status", "photo-8"]).status, 1);
    let books = run(db, &["audit"]).ok();
    assert!(books.ends_with("the books balance"), "{books}");
    db.pool().execute("delete from eventcenter.inbox where seq = 1").await.unwrap();
    let books = run(db, &["audit"]);
    assert_eq!((books.status, books.out.contains("1 deliveries are astray")), (1, true), "{books:?}");
}

#[tokio::test]
async fn what_ended_badly_is_listed_and_put_back_to_work() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"status": 400}])).await;
    let id = server.emit(&json_with(42, &json!({}))).await;
    server.comes_to(&id, "push", "failed").await;
    let db = &installation.db;

    assert_eq!(run(db, &["dead", "list", "--json"]).json(), json!([]));
    let list = run(db, &["dead", "list", "--state", "failed"]).ok();
    assert!(list.contains(&id) && list.contains("400"), "{list}");
    assert_eq!(run(db, &["dead", "redrive", "--state", "failed"]).status, 2, "it must say which");
    let redrive = ["dead", "redrive", "--state", "failed", "--event", &id];
    assert_eq!(run(db, &redrive).ok(), "1 redriven");
    assert_eq!(run(db, &redrive).ok(), "0 redriven");

    server.comes_to(&id, "push", "sent").await;
}

#[tokio::test]
async fn a_database_is_migrated_once_however_often_and_by_however_many() {
    let db = Database::fresh().await;
    db.pool().execute("drop schema eventcenter cascade; drop table public._sqlx_migrations").await.unwrap();
    assert_eq!(run(&db, &["migrate", "--check"]).status, 1);

    let migrating = [(); 3].map(|()| Process::start(eventcenter(&["migrate"]).env("DATABASE_URL", db.url())));

    for process in &migrating {
        assert_eq!(process.ended().await.code(), Some(0), "{:?}", process.stderr());
    }
    for again in [&["migrate"][..], &["migrate", "--check"]] {
        assert_eq!(run(&db, again).ok(), "the schema is up to date");
    }
}

#[tokio::test]
async fn a_doctor_finds_what_is_wrong_and_what_is_right() {
    let installation = Installation::fresh().await;
    let settings = installation.settings().await;
    let keeper = installation.serve().await;
    eventually(SOON, || async { (keeper.get("/readyz").await.status.as_u16() == 200).then_some(()) }).await;
    let doctor = |variables: &[(&str, &str)]| {
        let mut command = eventcenter(&["doctor", "--json"]);
        let said = Said::by(command.envs(settings.clone()).envs(variables.iter().copied()));
        let findings: Vec<Value> = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        let failed = findings.iter().filter(|one| one["health"] == "fail");
        (said.status, failed.map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };

    assert_eq!(doctor(&[]), (0, vec![]));

    let ill = [
        ("EVENTCENTER_JWT_SECRET", "changeme"),
        ("EVENTCENTER_VAPID_SUBJECT", "ops"),
        ("EVENTCENTER_SMTP_URL", "smtp://127.0.0.1:1?tls=none"),
    ];
    assert_eq!(doctor(&ill), (1, ["jwt secret", "push", "mail server"].map(str::to_owned).to_vec()));
    assert_eq!(doctor(&[("DATABASE_URL", "postgres://127.0.0.1:1/nowhere")]).0, 1);
    installation.db.pool().execute("delete from eventcenter.service_keys").await.unwrap();
    assert_eq!(doctor(&[]), (1, vec!["service keys".to_owned()]));
}

#[tokio::test]
async fn a_doctor_warns_of_a_development_key_that_a_database_still_accepts() {
    let installation = Installation::fresh().await;
    let key =
        "insert into eventcenter.service_keys (name, prefix, hash) values ('dev', 'dev', sha256('known to many'))";
    installation.db.pool().execute(key).await.unwrap();

    let said = Said::by(eventcenter(&["doctor", "--json"]).envs(installation.settings().await));

    let findings: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    let keys = findings.iter().find(|one| one["check"] == "service keys").unwrap();
    assert_eq!(keys["health"], "warn", "{keys}");
    assert!(keys["text"].as_str().unwrap().contains("`key revoke` it"), "{keys}");
}

#[tokio::test]
async fn serve_refuses_unsafe_settings_in_a_line_each() {
    let installation = Installation::fresh().await;
    let settings = installation.settings().await;
    let serve = |variables: &[(&str, &str)]| {
        let mut command = eventcenter(&["serve"]);
        let said = Said::by(command.envs(variables.iter().copied()));
        assert_eq!(said.status, 1, "{said:?}");
        said.err.lines().map(|line| line.trim_start_matches("eventcenter: ").to_owned()).collect::<Vec<_>>()
    };
    let with = |name: &str, value: &str| {
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        serve(&settings.chain([(name, value)]).collect::<Vec<_>>())
    };

    let lines = serve(&[]);
    let faults = ["database", "JWT secret", "VAPID key", "VAPID subject", "mail server", "sender of mail", "app URL"];
    assert_eq!(lines.len(), faults.len(), "{lines:#?}");
    for (line, fault) in lines.iter().zip(faults) {
        assert!(line.starts_with(&format!("no {fault}: ")), "{line}");
    }
    for (name, value, fault) in [
        ("EVENTCENTER_JWT_SECRET", "hunter2", "the JWT secret is shorter than 32 bytes"),
        ("EVENTCENTER_JWT_SECRET", "change-me-change-me-change-me-change-me", "the JWT secret can be guessed"),
        ("EVENTCENTER_SMTP_URL", "smtp://me:secret@mail.example.org?tls=none", "the SMTP URL must not send a password"),
    ] {
        let lines = with(name, value);
        assert!(lines.len() == 1 && lines[0].starts_with(fault) && !lines[0].contains(value), "{lines:?}");
    }
    installation.db.pool().execute("delete from eventcenter.service_keys").await.unwrap();
    let lines = with("EVENTCENTER_LISTEN", "127.0.0.1:0");
    assert!(lines.len() == 1 && lines[0].starts_with("no service key: "), "{lines:?}");
    installation.db.pool().execute("drop schema eventcenter cascade; drop table _sqlx_migrations").await.unwrap();
    let lines = with("EVENTCENTER_LISTEN", "127.0.0.1:0");
    assert!(lines.len() == 1 && lines[0].contains("`eventcenter migrate`"), "{lines:?}");
}

#[test]
fn a_template_is_checked_and_shown_before_anybody_gets_it() {
    let folder = std::env::temp_dir().join(format!("eventcenter-cli-{}", uuid::Uuid::now_v7().simple()));
    std::fs::create_dir_all(folder.join("job.done")).unwrap();
    let template =
        |arguments: &[&str]| Said::by(eventcenter(&["template"]).args(arguments).env("EVENTCENTER_TEMPLATES", &folder));

    std::fs::write(folder.join("job.done/ru.txt"), "Subject: Мастерская: {{ titel }}\n").unwrap();
    let broken = template(&["check"]);
    std::fs::write(folder.join("job.done/ru.txt"), "Subject: Мастерская: {{ title }}\n").unwrap();
    let (checked, shown) = (template(&["check"]), template(&["preview", "job.done", "--locale", "ru-RU"]));
    let (html, unknown) = (template(&["preview", "digest", "--part", "html"]), template(&["preview", "../x"]));
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(broken.status, 1);
    assert!(broken.out.starts_with("broken: job.done in ru cannot be rendered: undefined value"), "{broken:?}");
    assert_eq!(checked.ok(), "ok: 14 mails can be written");
    assert_eq!(shown.ok(), "Subject: Мастерская: Ваша фотография готова");
    assert!(html.ok().starts_with("<!doctype html>"));
    assert!(unknown.status == 1 && unknown.err.contains("there is no template ../x"), "{unknown:?}");
}
