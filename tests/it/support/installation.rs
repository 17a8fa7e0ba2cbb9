//! An installation of EventCenter: its database, its secrets, and the processes that serve it.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use eventcenter::auth::{NewServiceKey, Tokens};
use eventcenter_core::id::UserId;
use eventcenter_workers::push::VapidKey;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::database::Database;
use super::server::Server;
use super::{mail_server, push_service};

/// Where links in mail and push lead.
pub(crate) const APP_URL: &str = "https://app.example.org";

/// Everything that the processes of an installation share.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) db: Database,
    pub(crate) service_key: String,
    pub(crate) jwt_secret: String,
    pub(crate) vapid_secret: String,
    /// What browsers subscribe with.
    pub(crate) vapid_public_key: String,
}

impl Installation {
    /// One of its own, with fresh secrets.
    pub(crate) async fn fresh() -> Self {
        let db = Database::fresh().await;
        let key = NewServiceKey::generate().unwrap();
        db.store().insert_service_key("test", &key.prefix, &key.hash).await.unwrap();
        let vapid = VapidKey::generate().unwrap();
        Self {
            db,
            service_key: key.secret,
            jwt_secret: NewServiceKey::generate().unwrap().secret,
            vapid_secret: vapid.secret().unwrap(),
            vapid_public_key: vapid.public_key(),
        }
    }

    /// A process that serves it, with every part.
    pub(crate) async fn serve(&self) -> Server<'_> {
        self.serve_with(&[]).await
    }

    /// The same with these variables set on top.
    pub(crate) async fn serve_with(&self, variables: &[(&str, &str)]) -> Server<'_> {
        let mut command = eventcenter(&["serve", "--log-format=json"]);
        command.envs(self.settings().await).envs(variables.iter().copied());
        Server::start(self, &mut command).await
    }

    /// What every process of it is told by its environment.
    pub(crate) async fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.db.url().to_owned()),
            ("EVENTCENTER_DATABASE_CONNECTIONS", "8".to_owned()),
            ("EVENTCENTER_LISTEN", "127.0.0.1:0".to_owned()),
            ("EVENTCENTER_APP_URL", APP_URL.to_owned()),
            ("EVENTCENTER_JWT_SECRET", self.jwt_secret.clone()),
            ("EVENTCENTER_VAPID_KEYS", self.vapid_secret.clone()),
            ("EVENTCENTER_VAPID_SUBJECT", "mailto:ops@example.org".to_owned()),
            ("EVENTCENTER_PUSH_ENDPOINTS", "loopback".to_owned()),
            ("EVENTCENTER_PUSH_HOSTS", push_service::hosts().await),
            ("EVENTCENTER_PUSH_CA", push_service::authority().await.to_owned()),
            ("EVENTCENTER_SMTP_URL", mail_server::url().await),
            ("EVENTCENTER_MAIL_FROM", "EventCenter <no-reply@example.org>".to_owned()),
        ]
    }

    /// A token as the host application would sign it.
    pub(crate) fn token(&self, user: i64) -> String {
        self.token_for(user, Duration::from_mins(5))
    }

    /// One that ends after this time.
    pub(crate) fn token_for(&self, user: i64, ttl: Duration) -> String {
        let user = UserId::new(user).unwrap();
        Tokens::hs256(self.jwt_secret.as_str()).issue(user, ttl).unwrap()
    }

    /// A token that says this, signed by the host application.
    pub(crate) fn token_saying(&self, claims: &Value) -> String {
        let key = EncodingKey::from_secret(self.jwt_secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    /// A token that was issued so many seconds ago, and has a few minutes left.
    pub(crate) fn token_issued_ago(&self, user: i64, seconds: i64) -> String {
        let now = Timestamp::now().as_second();
        self.token_saying(&json!({"sub": user, "iat": now - seconds, "exp": now + 200}))
    }
}

/// The binary, told nothing by the environment of the test. The kernel kills it with the thread that starts it, so
/// that none is left behind when the test process is killed.
pub(crate) fn eventcenter(arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_eventcenter")]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("NO_PROXY", "127.0.0.1");
    command
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("EVENTCENTER_") || name.starts_with("DATABASE_"))
}
