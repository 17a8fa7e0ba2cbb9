//! The HTTP API: thin handlers between JSON and the store. Every route is declared here, and documented where it is
//! handled: `/openapi.json` is made of exactly these.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use axum::{Extension, Router};
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::email::MailLinks;
use tokio::sync::{Mutex, watch};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::Waiters;
use crate::auth::{CookieRules, ServiceKeys, Tokens};
use crate::bounces::Bounces;
use crate::committer::Committer;
use crate::metrics::Metrics;

mod actions;
mod assets;
mod bounces;
mod deliveries;
mod diagnostics;
mod emit;
mod events;
mod extract;
mod form;
mod inbox;
mod layers;
mod openapi;
mod preferences;
mod presence;
mod probes;
mod push;
mod rhythm;
mod sessions;
mod suppressions;
mod unsubscribe;
mod users;

pub use assets::PAGE_POLICY;
pub use extract::{Json, Person, Service};
pub use push::PushSetup;

/// The API's state. Every layer and route has a clone of it for each request, so it is one pointer.
#[derive(Clone, Debug)]
pub struct Api(Arc<Foundation>);

impl Deref for Api {
    type Target = Foundation;

    fn deref(&self) -> &Foundation {
        &self.0
    }
}

impl From<Foundation> for Api {
    fn from(foundation: Foundation) -> Self {
        Self(Arc::new(foundation))
    }
}

/// What the API stands on.
#[derive(Debug)]
pub struct Foundation {
    /// The database.
    pub store: Store,
    /// The way of emits into it.
    pub committer: Committer,
    /// Checks people's tokens.
    pub tokens: Tokens,
    /// Which cookie may hold one, and which pages may call us at all.
    pub cookies: CookieRules,
    /// Checks services' keys.
    pub service_keys: ServiceKeys,
    /// Reads the links by which people unsubscribe.
    pub links: MailLinks,
    /// Takes reports on our mail.
    pub bounces: Bounces,
    /// What browsers subscribe with; `None` when Web Push is not set up.
    pub push: Option<PushSetup>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Requests that wait for people's answers.
    pub waiters: Waiters,
    /// What `/readyz` asks besides the store.
    pub readiness: Readiness,
}

/// What the process itself knows about being ready. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Readiness {
    listening: watch::Receiver<bool>,
    tasks: Tasks,
    last: Arc<Mutex<Option<(Instant, probes::Report)>>>,
}

impl Readiness {
    /// Ready while `listening` says that notifications are heard, until `tasks` are told to stop.
    pub fn new(listening: watch::Receiver<bool>, tasks: Tasks) -> Self {
        Self { listening, tasks, last: Arc::default() }
    }
}

/// The API and `others` (WebSockets, pages of `dev`), under the same layers: ids, logs, metrics, CORS, timeouts, and
/// a problem document for every error.
pub fn router(api: Foundation, others: OpenApiRouter) -> Router {
    let routes = probes()
        .routes(routes!(emit::post_events))
        .routes(routes!(events::get_event))
        .routes(routes!(events::list_events))
        .routes(routes!(events::cancel_event))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::redrive_deliveries))
        .routes(routes!(users::get_user, users::put_user, users::delete_user))
        .routes(routes!(preferences::get_preferences, preferences::put_preferences))
        .routes(routes!(suppressions::list_suppressions, suppressions::add_suppression))
        .routes(routes!(suppressions::lift_suppression))
        .routes(routes!(unsubscribe::get_unsubscribe, unsubscribe::post_unsubscribe))
        .routes(routes!(bounces::post_bounce))
        .routes(routes!(presence::get_presence))
        .routes(routes!(presence::list_presence))
        .routes(routes!(sessions::issue_ticket))
        .routes(routes!(sessions::revoke_sessions))
        .routes(routes!(inbox::list_inbox))
        .routes(routes!(inbox::mark_inbox))
        .routes(routes!(actions::get_answer))
        .routes(routes!(actions::get_action))
        .routes(routes!(actions::answer_action))
        .routes(routes!(diagnostics::test_channels))
        .routes(routes!(diagnostics::get_test))
        .routes(routes!(push::subscribe::subscribe, push::subscribe::unsubscribe))
        .routes(routes!(push::get_push_key))
        .routes(routes!(push::devices::list_devices))
        .routes(routes!(push::devices::rename_device, push::devices::remove_device))
        .routes(routes!(push::ack::acknowledge))
        .routes(routes!(assets::get_asset))
        .routes(routes!(assets::get_asset_in_folder))
        .routes(routes!(assets::get_action_page))
        .routes(routes!(assets::get_check_page))
        .routes(routes!(assets::get_service_worker));
    finish(routes, api, others)
}

/// Only what every process answers, whatever it runs: probes and metrics. And `others`, under the same layers.
pub fn probes_router(api: Foundation, others: OpenApiRouter) -> Router {
    finish(probes(), api, others)
}

fn probes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::get_metrics))
        .routes(routes!(openapi::get_openapi))
}

fn finish(routes: OpenApiRouter<Api>, api: Foundation, others: OpenApiRouter) -> Router {
    let origins = api.cookies.origins.clone();
    let (app, document) = routes.with_state(Api::from(api)).merge(others).split_for_parts();
    layers::around(app.layer(Extension(openapi::Rendered::from(document))), &origins)
}

#[cfg(test)]
mod tests;
