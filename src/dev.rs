//! `eventcenter dev`: the whole engine on one machine, with nothing to set up.
//!
//! Everything it needs is made on the first start and kept in one directory. It hands out tokens to whoever can reach
//! it, so it listens on loopback only.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use clap::Args;
use eventcenter_core::id::UserId;
use eventcenter_core::store::{Contact, Store, StoreError};
use eventcenter_workers::email::{TemplateError, Templates};
use tokio::net::TcpListener;
use url::Url;

use crate::config::{DevHome, PostgresBinaries, Refused, Secret, Settings};
use crate::postgres::{self, Options, Postgres, Tcp};
use crate::{auth, serve};

mod files;
mod mail;
mod pages;
mod templates;

pub use files::{FileError, Kept, Running};
pub use pages::Pages;
use templates::Previews;

/// How long the database may take to shut down; then it is cut short and recovers at its next start.
const POSTGRES_GRACE: Duration = Duration::from_secs(20);
/// What `key list` shows of the development key.
pub(crate) const KEY_SHOWN: &str = "dev";
/// The people of the demo page: they have mail addresses, so that mail can be tried at once.
const PEOPLE: [(i64, &str, &str); 2] = [(42, "Anna", "anna@example.org"), (43, "Boris", "boris@example.org")];

/// Run the whole engine on this machine, with nothing to set up.
///
/// A private Postgres, migrations, every part, a demo page, and a mail catcher. The data directory keeps it all between
/// runs; its dev.json says how to reach it. Takes every flag of `serve`; given a database URL, it uses that database.
#[derive(Args, Debug)]
pub struct Dev {
    #[command(flatten)]
    home: DevHome,
    #[command(flatten)]
    binaries: PostgresBinaries,
    #[command(flatten)]
    settings: Settings,
}

/// Why there is no engine to develop with.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// Others could reach it.
    #[error("dev gives a token to whoever asks, so it listens on loopback only: 127.0.0.1 or [::1], not {0}")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not ours.
    #[error("cannot listen on {0}: {1}; try --listen 127.0.0.1:0, which takes any free port")]
    Listen(SocketAddr, #[source] io::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Files(#[from] FileError),
    /// The private Postgres does not run.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The database does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is built in is broken.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] Refused),
    /// The engine stopped.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// Standard output is gone.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// A blocking task was lost.
    #[error("a task of ours failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs until Ctrl-C or SIGTERM, and leaves nothing running.
pub async fn run(dev: Dev) -> Result<(), DevError> {
    let Dev { home: DevHome { data }, binaries, settings } = dev;
    if !settings.http.listen.ip().is_loopback() {
        return Err(DevError::NotLoopback(settings.http.listen));
    }
    let kept = Kept::load_or_create(&data)?;
    if settings.database.url.is_some() {
        return engine(&data, &kept, settings).await;
    }
    let (postgres, url) = start_postgres(&data, binaries.pg_bindir).await?;
    let mut settings = settings;
    settings.database.url = Some(url);
    let ended = engine(&data, &kept, settings).await;
    tokio::task::spawn_blocking(move || postgres.stop(POSTGRES_GRACE)).await?;
    ended
}

async fn start_postgres(data: &Path, bindir: Option<PathBuf>) -> Result<(Postgres, Secret), DevError> {
    let options = Options::at(data.join("postgres"))
        .bindir(bindir)
        .search_path(PostgresBinaries::search_path())
        // Clients in other languages want TCP, with the password that is in dev.json.
        .tcp(Tcp::AnyPort);
    let postgres = tokio::task::spawn_blocking(move || Postgres::start(&options)).await??;
    let url = Secret::from(postgres.tcp_url().unwrap_or(postgres.url()).to_owned());
    Ok((postgres, url))
}

async fn engine(data: &Path, kept: &Kept, settings: Settings) -> Result<(), DevError> {
    let listen = settings.http.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| DevError::Listen(listen, error))?;
    let url =
        Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(|error| Refused(vec![error.to_string()]))?;
    let settings = complete(settings, kept, &url, data);
    settings.check()?;
    let database_url = settings.database_url()?;
    prepare(&database_url, kept).await?;
    let running = Running {
        url,
        database_url: Secret::from(database_url),
        service_key: kept.service_key.clone(),
        jwt_secret: kept.jwt_secret.clone(),
        vapid_public_key: settings.vapid_keys()?.current().public_key(),
    };
    running.write(data)?;
    welcome(&running, data)?;
    let mail = settings.email.mail_dir.clone();
    let tokens = auth::Tokens::hs256(running.jwt_secret.expose());
    let previews = Previews::new(Templates::new(settings.email.templates.clone())?, running.url);
    serve::run(settings, listener, |api| Pages::new(api, running.service_key, tokens, mail).router(previews)).await?;
    Ok(())
}

/// The settings of the `eventcenter dev` that runs, or ran last, in this directory.
pub fn settings_of(settings: Settings, data: &Path) -> Result<Settings, FileError> {
    let running = Running::read(data)?;
    let mut settings = complete(settings, &Kept::load_or_create(data)?, &running.url, data);
    settings.database.url = Some(running.database_url);
    Ok(settings)
}

/// Fills in what was left open with what a developer wants.
fn complete(mut settings: Settings, kept: &Kept, url: &Url, data: &Path) -> Settings {
    settings.jwt.secret.get_or_insert_with(|| kept.jwt_secret.clone());
    settings.http.app_url.get_or_insert_with(|| url.clone());
    settings.answers.public_url.get_or_insert_with(|| url.clone());
    if settings.push.vapid_keys.is_empty() {
        settings.push.vapid_keys.push(kept.vapid_key.clone());
    }
    settings.push.vapid_subject.get_or_insert_with(|| "mailto:dev@example.org".to_owned());
    settings.email.mail_from.get_or_insert_with(|| "EventCenter <dev@example.org>".to_owned());
    if settings.email.smtp_url.is_none() {
        settings.email.mail_dir.get_or_insert_with(|| data.join("mail"));
    }
    settings
}

async fn prepare(database_url: &str, kept: &Kept) -> Result<(), StoreError> {
    let store = Store::connect(database_url, 1)?;
    store.migrate().await?;
    let hash = digest(&SHA256, kept.service_key.expose().as_bytes());
    if !store.active_service_keys().await?.iter().any(|known| known == hash.as_ref()) {
        store.insert_service_key("dev", KEY_SHOWN, hash.as_ref()).await?;
    }
    for (id, name, email) in PEOPLE {
        let user_id = UserId::from_row(id);
        if store.contact(user_id).await?.is_none() {
            let (email, name) = (Some(email.to_owned()), Some(name.to_owned()));
            let contact = Contact { email, name, ..Contact::default() };
            store.put_contact(user_id, &contact).await?;
        }
    }
    store.close().await;
    Ok(())
}

/// Which database it is, for a person to recognise: a `DATABASE_URL` that was set for something else is used, too.
fn without_secrets(url: &Secret) -> String {
    let Ok(url) = Url::parse(url.expose()) else { return "as given".to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", url.host_str().unwrap_or("localhost"), url.path())
}

/// What to do next. The command works as it stands, so it shows the key; it opens this machine's demo only.
fn welcome(running: &Running, data: &Path) -> io::Result<()> {
    let url = running.url.as_str().trim_end_matches('/');
    let key = running.service_key.expose();
    let data = data.display();
    let database = without_secrets(&running.database_url);
    write!(
        io::stdout().lock(),
        r#"
EventCenter is ready.

  Demo page   {url}/
  Mail        {url}/dev/mail
  Templates   {url}/dev/templates
  Database    {database}
  For scripts {data}/dev.json

Tell user 42 something:

  curl -sS {url}/events \
    -H 'Authorization: Bearer {key}' \
    -H 'Content-Type: application/json' \
    -d '{{"user_id": 42, "type": "job.done", "title": "Your report is ready", "body": "It took 3 minutes."}}'

Ctrl-C stops it.

"#
    )
}
