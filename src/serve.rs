//! A process that serves: which parts run, how they are joined, and in which order they stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use eventcenter_core::delivery::Channel;
use eventcenter_core::id::UserId;
use eventcenter_core::store::{Revocation, Store, StoreError};
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::Deliver;
use eventcenter_workers::email::{Email, InvalidEmailConfig, MailLinks};
use eventcenter_workers::keeper::{self, KeeperSettings};
use eventcenter_workers::push::{AckKeys, Push, PushSetupError, SubscriptionRules};
use eventcenter_workers::worker::{Worker, WorkerSettings};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::answers::Waiters;
use crate::auth::{CookieRules, InvalidOrigin, NewServiceKey, Origins, Revocations, ServiceKeys, Tokens};
use crate::bounces::{Bounces, maildir};
use crate::committer::Committer;
use crate::config::{Refused, Role, Settings};
use crate::http::{self, Foundation, PushSetup, Readiness};
use crate::listen::{self, Wakeups};
use crate::metrics::{Metrics, MetricsError};
use crate::ws;

mod connections;

/// Before a worker that ended by itself is started again.
const RESTART: Duration = Duration::from_secs(1);
/// How long a start waits for the first look at what tokens were revoked. When the database takes longer, it is away:
/// then we answer so.
const CHECKABLE_MAX: Duration = Duration::from_secs(2);

/// Why a process does not serve, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Settings(#[from] Refused),
    /// An allowed origin is none.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// The database's URL is wrong.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Metrics cannot be recorded.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Web Push cannot be set up.
    #[error(transparent)]
    Push(#[from] PushSetupError),
    /// Mail cannot be set up.
    #[error(transparent)]
    Email(#[from] InvalidEmailConfig),
    /// No secret can be made.
    #[error("the system has no randomness to give")]
    Randomness(#[from] aws_lc_rs::error::Unspecified),
    /// The socket cannot be used, or signals cannot be heard.
    #[error("cannot serve: {0}")]
    Io(#[from] io::Error),
}

/// Runs the parts that `settings` name until SIGTERM or Ctrl-C, then drains. `pages` may add to the API, or wrap it.
/// A database that is away is no error: everything waits for it.
pub async fn run(settings: Settings, listener: TcpListener, pages: impl FnOnce(Router) -> Router) -> Result<(), Error> {
    let tasks = Tasks::default();
    // First, so that a signal never finds a process that has begun to work and cannot stop in order.
    tasks.spawn(stop_on_signal(tasks.clone())?);
    let metrics = Metrics::install()?;
    let store = Store::connect(&settings.database_url()?, settings.pool.connections)?;
    tasks.spawn(metrics.clone().keep_fresh(store.clone(), tasks.clone()));

    let revocations = Revocations::unread();
    let tokens = tokens(&settings)?.except(revocations.clone(), settings.tokens.max_life);
    let cookies =
        CookieRules { name: settings.http.cookie.clone(), origins: Origins::parse(&settings.http.cors_origins)? };
    let node_settings =
        ws::NodeSettings { ping_every: settings.process.ping_interval, drain_time: settings.process.drain_time };
    let node = settings
        .process
        .runs(Role::Ws)
        .then(|| ws::Node::new(store.clone(), tokens.clone(), cookies.clone(), node_settings, tasks.clone()));
    tasks.spawn(revocations.clone().keep_fresh(
        store.clone(),
        settings.tokens.max_life,
        revoked_here(node.clone()),
        tasks.clone(),
    ));
    let workers = start_workers(&settings, &store, &tasks)?;
    let links = settings.mail_links()?;
    let bounces = Bounces::new(store.clone(), links.clone());
    if let Some(directory) = settings.answers.bounce_maildir.clone().filter(|_| settings.process.runs(Role::Email)) {
        tasks.spawn(maildir::run(directory, bounces.clone(), tasks.clone()));
    }
    let (hearing, is_heard) = watch::channel(false);
    let waiters = Waiters::new();
    let wakeups = Wakeups { workers, waiters: waiters.clone(), node: node.clone(), revocations: revocations.clone() };
    tasks.spawn(listen::run(settings.direct_url()?, wakeups, hearing, tasks.clone()));
    if settings.process.runs(Role::Stream) {
        tasks.spawn(keeper::run(store.clone(), keeper_settings(&settings)?, tasks.clone()));
    }

    let parts = Parts { store: store.clone(), tokens, cookies, links, bounces, metrics, waiters, node, is_heard };
    let router = router(&settings, parts, &tasks)?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let drain_time = settings.process.drain_time;
    let work = async {
        // Whoever asks meanwhile waits to be accepted. When the database is away, they are told so.
        timeout(CHECKABLE_MAX, revocations.first_read()).await.ok();
        connections::accept(listener, pages(router), &tasks, connections::SILENCE_MAX).await;
        tasks.drain(drain_time).await;
        store.close().await;
    };
    tokio::select! {
        () = work => {}
        () = late(&tasks, drain_time) => {
            tracing::warn!("not everything ended in time; what is unfinished is sent again by another process");
        }
    }
    Ok(())
}

/// Resolves when the time to end is up: a client that does not read its answer, or a statement that hangs, must not
/// keep the process.
async fn late(tasks: &Tasks, drain_time: Duration) {
    tasks.stopping().await;
    tokio::time::sleep(drain_time).await;
}

/// Whom this process closes when it hears of revocations.
fn revoked_here(node: Option<ws::Node>) -> impl Fn(&[Revocation]) + Send {
    move |revocations| {
        let users: Vec<UserId> = revocations.iter().map(|one| one.user).collect();
        if let Some(node) = &node {
            node.check_tokens(&users);
        }
    }
}

fn tokens(settings: &Settings) -> Result<Tokens, Error> {
    match &settings.jwt.secret {
        Some(secret) => Ok(Tokens::hs256(secret.expose())),
        // A process that lets nobody in needs no secret. It gets one that nobody knows.
        None => Ok(Tokens::hs256(NewServiceKey::generate()?.secret)),
    }
}

fn keeper_settings(settings: &Settings) -> Result<KeeperSettings, Refused> {
    Ok(KeeperSettings {
        url: settings.direct_url()?,
        look: settings.process.look_interval,
        event_days: settings.retention.event_days.into(),
        inbox_days: settings.retention.inbox_days.into(),
    })
}

fn stop_on_signal(tasks: Tasks) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tasks.stopping() => {}
        }
        tracing::info!("stopping");
        tasks.stop();
    })
}

/// Starts the channels' workers; answers whom to wake.
fn start_workers(settings: &Settings, store: &Store, tasks: &Tasks) -> Result<Vec<(Channel, Arc<Notify>)>, Error> {
    let mut channels: Vec<Arc<dyn Deliver>> = Vec::new();
    if settings.process.runs(Role::Push) {
        channels.push(Arc::new(Push::new(settings.push_config()?)?));
    }
    if settings.process.runs(Role::Email) {
        let email = Email::new(settings.email_config()?)?;
        tasks.spawn(Email::keep_templates_fresh(email.templates(), tasks.clone()));
        channels.push(Arc::new(email));
    }
    // Unique among all processes, so that a lease names its holder.
    let name = Uuid::now_v7().simple().to_string();
    let mut wakeups = Vec::new();
    for deliver in channels {
        let channel = deliver.channel();
        let wake = Arc::new(Notify::new());
        let worker = Worker {
            deliver,
            store: store.clone(),
            settings: WorkerSettings::of(channel),
            name: name.clone(),
            wake: Arc::clone(&wake),
        };
        tasks.spawn(keep_working(worker, tasks.clone()));
        wakeups.push((channel, wake));
    }
    Ok(wakeups)
}

async fn keep_working(worker: Worker, tasks: Tasks) {
    while !tasks.is_stopping() {
        if let Err(error) = worker.clone().run(&tasks).await {
            tracing::error!(channel = %worker.settings.channel, %error, "a worker ended; it is started again");
            tasks.pause(RESTART).await;
        }
    }
}

/// What the router is made of, besides settings.
struct Parts {
    store: Store,
    tokens: Tokens,
    cookies: CookieRules,
    links: MailLinks,
    bounces: Bounces,
    metrics: Metrics,
    waiters: Waiters,
    node: Option<ws::Node>,
    is_heard: watch::Receiver<bool>,
}

fn router(settings: &Settings, parts: Parts, tasks: &Tasks) -> Result<Router, Error> {
    let Parts { store, tokens, cookies, links, bounces, metrics, waiters, node, is_heard } = parts;
    let service_keys = ServiceKeys::new(store.clone());
    tasks.spawn(service_keys.clone().keep_fresh(tasks.clone()));
    let api = Foundation {
        committer: Committer::start(&store, tasks),
        store,
        tokens,
        cookies,
        service_keys,
        links,
        bounces,
        push: push_setup(settings)?,
        metrics,
        waiters,
        readiness: Readiness::new(is_heard, tasks.clone()),
    };
    let sockets = node.map_or_else(OpenApiRouter::new, ws::router);
    if settings.process.runs(Role::Api) {
        Ok(http::router(api, sockets))
    } else {
        Ok(http::probes_router(api, sockets))
    }
}

/// What browsers subscribe with, if there is a VAPID key.
fn push_setup(settings: &Settings) -> Result<Option<PushSetup>, Error> {
    if settings.push.vapid_keys.is_empty() {
        return Ok(None);
    }
    let keys = settings.vapid_keys()?;
    let rules = SubscriptionRules::new(settings.endpoint_policy(), settings.fixed_hosts());
    Ok(Some(PushSetup::new(&keys, AckKeys::new(&keys)?, rules)))
}
