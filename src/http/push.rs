//! Browsers that want pushes.

use std::fmt;
use std::sync::Arc;

use axum::Json as JsonAnswer;
use axum::extract::State;
use eventcenter_workers::push::{AckKeys, SubscriptionRules, VapidKeys};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::ToSchema;

use super::{Api, Person};
use crate::problem::{Code, Problem, ProblemDocument};
use ack::AckRate;

pub(super) mod ack;
pub(super) mod devices;
pub(super) mod subscribe;

/// What browsers subscribe with, and how they acknowledge. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct PushSetup(Arc<Setup>);

struct Setup {
    /// The one for new subscriptions, and then those that came before it.
    keys: Vec<PublicKey>,
    rules: SubscriptionRules,
    acks: AckKeys,
    ack_rate: AckRate,
    strangers: Semaphore,
}

/// Browsers without a token that are looked at at once; a further one is answered 429. Anybody can ask, and the
/// database has better things to do.
const STRANGERS_MAX: usize = 4;

impl PushSetup {
    /// An installation with these keys, which stores what the rules allow.
    pub fn new(keys: &VapidKeys, acks: AckKeys, rules: SubscriptionRules) -> Self {
        let all = std::iter::once(keys.current()).chain(keys.retired());
        let keys = all.map(|key| PublicKey { key: key.public_key(), key_id: key.id().to_owned() }).collect();
        Self(Arc::new(Setup {
            keys,
            rules,
            acks,
            ack_rate: AckRate::default(),
            strangers: Semaphore::new(STRANGERS_MAX),
        }))
    }
}

impl fmt::Debug for PushSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSetup").field("keys", &self.0.keys).finish_non_exhaustive()
    }
}

/// What a page passes to `pushManager.subscribe()`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PublicKey {
    /// The `applicationServerKey`: 65 bytes as base64url. A page whose subscription has another one subscribes anew.
    key: String,
    /// What subscriptions made with it are stored under.
    key_id: String,
}

/// The key to subscribe with
#[utoipa::path(get, path = "/api/push/key", tag = "push", security(("user_token" = []), ("user_cookie" = [])),
    responses(
        (status = 200, body = PublicKey),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "Web Push is not set up", body = ProblemDocument),
    ))]
pub(super) async fn get_push_key(_: Person, State(api): State<Api>) -> Result<JsonAnswer<PublicKey>, Problem> {
    Ok(JsonAnswer(setup(&api)?.current_key()?.clone()))
}

fn setup(api: &Api) -> Result<&Setup, Problem> {
    api.push.as_ref().map(|PushSetup(setup)| &**setup).ok_or_else(disabled)
}

fn disabled() -> Problem {
    Problem::new(Code::PushDisabled, "this installation has no VAPID key: eventcenter vapid generate")
}

impl Setup {
    /// The right of a browser without a token to be looked at.
    fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let detail = "many browsers are being renewed without a token; try again later";
        self.strangers.try_acquire().map_err(|_full| Problem::new(Code::RateLimited, detail))
    }

    fn current_key(&self) -> Result<&PublicKey, Problem> {
        self.keys.first().ok_or_else(disabled)
    }
}
