//! Browsers that want pushes.

use std::fmt;
use std::sync::Arc;

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::event::InvalidField;
use eventcenter_core::store::NewSubscription;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Api, Json, Person};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest subscription, in bytes. A larger one is refused.
const SUBSCRIPTION_BYTES_MAX: usize = 16 * 1024;
/// Longest text that a device says of itself, in characters. A longer one is refused.
const DEVICE_TEXT_MAX: usize = 512;
const DEVICE_FIELDS: [&str; 3] = ["name", "platform", "user_agent"];

/// A browser's subscription, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser {
    /// Where to POST.
    pub endpoint: String,
    /// Its public key, 65 bytes.
    pub p256dh: Vec<u8>,
    /// Its secret, 16 bytes.
    pub auth: Vec<u8>,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

/// Reads and checks a `PushSubscription` (Push API §8.1), or says everything that is wrong with it.
pub type ReadBrowser = dyn Fn(&Value) -> Result<Browser, Vec<InvalidField>> + Send + Sync;

/// What browsers subscribe with.
#[derive(Clone)]
pub struct PushKey {
    /// The VAPID public key, as base64url of its 65 bytes.
    pub key: String,
    /// What subscriptions call it.
    pub key_id: String,
    /// Which subscriptions are good.
    pub read: Arc<ReadBrowser>,
}

impl fmt::Debug for PushKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A browser's `PushSubscription`, and what it says of itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: PushKey::read reads the fields")]
pub(super) struct SubscribeRequest {
    /// Where the push service takes pushes for it; https.
    #[schema(max_length = 2048)]
    endpoint: String,
    /// Of no use: push services end a subscription by 404 or 410.
    #[serde(rename = "expirationTime")]
    expiration_time: Option<f64>,
    keys: SubscriptionKeys,
    device: Option<Device>,
}

/// Its keys, as base64url (RFC 8291 §2).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

/// What a browser says of itself, shown to its owner.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: read_device reads the fields")]
pub(super) struct Device {
    #[schema(max_length = 512)]
    name: Option<String>,
    #[schema(max_length = 512)]
    platform: Option<String>,
    #[schema(max_length = 512)]
    user_agent: Option<String>,
}

/// The browser is subscribed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscribed {
    /// What the attempts of deliveries call it.
    #[schema(value_type = String)]
    id: Uuid,
}

/// Which browser to forget.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct UnsubscribeRequest {
    endpoint: String,
}

/// What a page passes to `pushManager.subscribe()`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublicKey {
    /// The `applicationServerKey`: 65 bytes as base64url.
    key: String,
    /// What subscriptions made with it are stored under.
    key_id: String,
}

/// Subscribe a browser, or renew it
#[utoipa::path(post, path = "/api/push/subscribe", tag = "push",
    security(("user_token" = []), ("user_cookie" = [])), request_body = SubscribeRequest,
    responses(
        (status = 201, body = Subscribed),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "Web Push is not set up", body = ProblemDocument),
        (status = 409, description = "The person has 20 browsers", body = ProblemDocument),
        (status = 413, description = "Larger than 16 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn subscribe(
    Person(user_id): Person,
    State(api): State<Api>,
    body: Json<SUBSCRIPTION_BYTES_MAX>,
) -> Result<(StatusCode, JsonAnswer<Subscribed>), Problem> {
    let push = push_key(&api)?;
    let (browser, device) = match ((push.read)(&body.value), read_device(&body.value)) {
        (Ok(browser), Ok(device)) => (browser, device),
        (browser, device) => {
            let faults = browser.err().into_iter().chain(device.err());
            return Err(Problem::fields(faults.flatten().collect()));
        }
    };
    let subscription = NewSubscription {
        endpoint: &browser.endpoint,
        p256dh: &browser.p256dh,
        auth: &browser.auth,
        vapid_key_id: &push.key_id,
        device,
    };
    let id = api.store.subscribe(user_id, subscription).await?;
    let id = id.ok_or_else(|| Problem::new(Code::TooManyBrowsers, "unsubscribe one of them first"))?;
    Ok((StatusCode::CREATED, JsonAnswer(Subscribed { id })))
}

/// Forget one of one's own browsers
#[utoipa::path(delete, path = "/api/push/subscribe", tag = "push",
    security(("user_token" = []), ("user_cookie" = [])), request_body = UnsubscribeRequest,
    responses(
        (status = 204, description = "The browser is not subscribed, whether it was or not"),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 413, description = "Larger than 16 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn unsubscribe(
    Person(user_id): Person,
    State(api): State<Api>,
    body: Json<SUBSCRIPTION_BYTES_MAX>,
) -> Result<StatusCode, Problem> {
    // Pages hand over the whole subscription as it is, so the rest of it is no mistake.
    let endpoint = body.value.get("endpoint").and_then(Value::as_str).filter(|text| !text.contains('\0'));
    let endpoint = endpoint.ok_or_else(|| Problem::field("endpoint", "must be the endpoint of a subscription"))?;
    api.store.unsubscribe(user_id, endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
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
    let PushKey { key, key_id, .. } = push_key(&api)?.clone();
    Ok(JsonAnswer(PublicKey { key, key_id }))
}

fn push_key(api: &Api) -> Result<&PushKey, Problem> {
    let missing = || Problem::new(Code::PushDisabled, "this installation has no VAPID key: eventcenter vapid generate");
    api.push.as_ref().ok_or_else(missing)
}

fn read_device(json: &Value) -> Result<Option<&Value>, Vec<InvalidField>> {
    let fault = |field: String, message: &str| InvalidField { field, message: message.to_owned() };
    let Some(device) = json.get("device").filter(|device| !device.is_null()) else {
        return Ok(None);
    };
    let Some(fields) = device.as_object() else {
        return Err(vec![fault("device".to_owned(), "must be an object {name, platform, user_agent}")]);
    };
    let faults: Vec<InvalidField> = wrong_device_fields(fields)
        .map(|name| fault(format!("device.{name}"), "must be name, platform or user_agent, at most 512 characters"))
        .collect();
    if faults.is_empty() { Ok(Some(device)) } else { Err(faults) }
}

fn wrong_device_fields(fields: &Map<String, Value>) -> impl Iterator<Item = &String> {
    let is_text = |value: &Value| {
        value.is_null()
            || value
                .as_str()
                .is_some_and(|text| text.chars().count() <= DEVICE_TEXT_MAX && !text.chars().any(char::is_control))
    };
    let is_wrong = move |(name, value): &(&String, &Value)| !DEVICE_FIELDS.contains(&name.as_str()) || !is_text(value);
    fields.iter().filter(is_wrong).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_device_says_a_few_short_things() {
        let full = json!({"device": {"name": "Anna's phone", "platform": "Android", "user_agent": null}});

        assert_eq!(read_device(&full), Ok(full.get("device")));
        assert_eq!(read_device(&json!({"device": null})), Ok(None));
        for wrong in [json!("phone"), json!({"colour": "red"}), json!({"name": 7}), json!({"name": "a\0b"})] {
            assert_eq!(read_device(&json!({"device": wrong})).unwrap_err().len(), 1, "{wrong}");
        }
    }
}
