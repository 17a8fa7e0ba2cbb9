//! A process that serves: which parts run, how they are joined, and in which order they stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use eventcenter_core::delivery::Channel;
use eventcenter_core::store::{Store, StoreError};
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::Deliver;
use eventcenter_workers::email::{Email, InvalidEmailConfig};
use eventcenter_workers::keeper::{self, KeeperSettings};
use eventcenter_workers::push::{Push, PushSetupError, PushSubscription};
use eventcenter_workers::worker::{Worker, WorkerSettings};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::auth::{CookieRules, InvalidOrigin, Origins, ServiceKeys, Tokens};
use crate::committer::Committer;
use crate::config::{Refused, Role, Settings};
use crate::http::{self, Api, Browser, PushKey, Readiness};
use crate::listen::{self, Wakeups};
use crate::metrics::{Metrics, MetricsError};
use crate::ws;

/// Before a worker that ended by itself is started again.
const RESTART: Duration = Duration::from_secs(1);

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
    /// The socket cannot be used, or signals cannot be heard.
    #[error("cannot serve: {0}")]
    Io(#[from] io::Error),
}

/// Runs the parts that `settings` name until SIGTERM or Ctrl-C, then drains. `pages` may add to the API, or wrap it.
/// A database that is away is no error: everything waits for it.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    pages: impl FnOnce(Router) -> Router,
) -> Result<(), Error> {
    let tasks = Tasks::default();
    let metrics = Metrics::install()?;
    let url = settings.database_url()?;
    let store = Store::connect(&url, settings.pool.connections)?;
    let direct_url = settings.direct_url()?;

    let (hearing, is_heard) = watch::channel(false);
    let tokens = settings.auth.jwt.secret.as_ref().map(|secret| Tokens::hs256(secret.expose()));
    let cookies = CookieRules {
        name: settings.http.cookie.clone(),
        origins: Origins::parse(&settings.http.cors_origins)?,
    };
    let node = tokens
        .clone()
        .filter(|_| settings.process.runs(Role::Ws))
        .map(|tokens| ws::Node::new(store.clone(), tokens, cookies.clone(), tasks.clone()));
    let workers = start_workers(&settings, &store, &tasks)?;
    let wakeups = Wakeups { workers, node: node.clone() };
    tasks.spawn(listen::run(direct_url.clone(), wakeups, hearing, tasks.clone()));
    if settings.process.runs(Role::Stream) {
        let keeper = KeeperSettings {
            url: direct_url,
            look: settings.process.look_interval,
            event_days: settings.retention.event_days.into(),
            inbox_days: settings.retention.inbox_days.into(),
        };
        tasks.spawn(keeper::run(store.clone(), keeper, tasks.clone()));
    }
    tasks.spawn(metrics.clone().keep_fresh(store.clone(), tasks.clone()));

    let router = router(&settings, &store, tokens, cookies, metrics, node, is_heard, &tasks)?;
    let served = serve(listener, pages(router), &tasks).await;
    if !tasks.drain(settings.process.drain_time).await {
        tracing::warn!("not everything ended in time; what is unfinished is sent again by another process");
    }
    store.close().await;
    Ok(served?)
}

/// Accepts connections until told to stop, then finishes the requests that are under way.
async fn serve(listener: TcpListener, router: Router, tasks: &Tasks) -> io::Result<()> {
    let address = listener.local_addr()?;
    let stopping = tasks.clone();
    tasks.spawn(stop_on_signal(tasks.clone())?);
    tracing::info!(%address, "serving");
    // A response is written at once: waiting for more to send would only add the peer's delayed ACK.
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket keeps its delay");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(async move { stopping.stopping().await }).await
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
fn start_workers(
    settings: &Settings,
    store: &Store,
    tasks: &Tasks,
) -> Result<Vec<(Channel, Arc<Notify>)>, Error> {
    let mut channels: Vec<Arc<dyn Deliver>> = Vec::new();
    if settings.process.runs(Role::Push) {
        channels.push(Arc::new(Push::new(settings.push_config()?)?));
    }
    if settings.process.runs(Role::Email) {
        channels.push(Arc::new(Email::new(settings.email_config()?)?));
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
