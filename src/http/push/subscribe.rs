//! Subscribing, renewing and unsubscribing a browser.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::event::InvalidField;
use eventcenter_core::store::{NewSubscription, SUBSCRIPTIONS_MAX, Subscribed};
use eventcenter_workers::push::decode_base64;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PublicKey, setup};
use crate::http::{Api, Json, Person};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest subscription, in bytes. A larger one is refused.
const SUBSCRIPTION_BYTES_MAX: usize = 16 * 1024;
/// Longest text that a device says of itself, in characters. A longer one is refused.
const DEVICE_TEXT_MAX: usize = 512;
const DEVICE_FIELDS: [&str; 3] = ["name", "platform", "user_agent"];
/// Length of a browser's secret, in bytes (RFC 8291 §3.2).
const AUTH_LEN: usize = 16;

/// A browser's `PushSubscription`, and what it says of itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: SubscriptionRules reads the fields")]
pub(in crate::http) struct SubscribeRequest {
    /// Where the push service takes pushes for it; https.
    #[schema(max_length = 2048)]
    endpoint: String,
    /// Of no use: push services end a subscription by 404 or 410.
    #[serde(rename = "expirationTime")]
    expiration_time: Option<f64>,
    keys: SubscriptionKeys,
    /// The `applicationServerKey` that it was made with, as base64url. Unless given, that of `GET /api/push/key`.
    application_server_key: Option<String>,
    device: Option<Device>,
    replaces: Option<Replaced>,
}

/// Its keys, as base64url (RFC 8291 §2).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

/// What a browser says of itself, shown to its owner.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: read_device reads the fields")]
pub(in crate::http) struct Device {
    #[schema(max_length = 512)]
    name: Option<String>,
    #[schema(max_length = 512)]
    platform: Option<String>,
    #[schema(max_length = 512)]
    user_agent: Option<String>,
}

/// The subscription whose place it takes, as `pushsubscriptionchange` hands it over. With it, no token is needed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: read_replaced reads the fields")]
pub(in crate::http) struct Replaced {
    #[schema(max_length = 2048)]
    endpoint: String,
    keys: ReplacedKeys,
}

/// The secret proves that it is the same browser.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct ReplacedKeys {
    auth: String,
}

/// The browser is subscribed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SubscribeResult {
    /// What devices and the attempts of deliveries call it.
    #[schema(value_type = String)]
    id: Uuid,
    /// Its push service refuses the key that it was made with: unsubscribe it in the browser, and subscribe anew.
    needs_resubscribe: bool,
}

/// Which browser to forget.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct UnsubscribeRequest {
    endpoint: String,
}

/// Subscribe a browser, renew it, or let it take the place of an old one
#[utoipa::path(post, path = "/api/push/subscribe", tag = "push",
    security(("user_token" = []), ("user_cookie" = []), ()), request_body = SubscribeRequest,
    responses(
        (status = 201, body = SubscribeResult),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token, and no proof by `replaces`", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "Web Push is not set up", body = ProblemDocument),
        (status = 409, description = "The person has 20 browsers", body = ProblemDocument),
        (status = 413, description = "Larger than 16 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 429, description = "Many ask without a token: later", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(in crate::http) async fn subscribe(
    person: Result<Person, Problem>,
    State(api): State<Api>,
    body: Json<SUBSCRIPTION_BYTES_MAX>,
) -> Result<(StatusCode, JsonAnswer<SubscribeResult>), Problem> {
    let (user_id, stranger) = match person {
        Ok(Person(user_id)) => (Some(user_id), None),
        Err(problem) if is_given(&body.value, "replaces") => (None, Some(problem)),
        Err(problem) => return Err(problem),
    };
    let setup = setup(&api)?;
    let _turn = stranger.as_ref().map(|_| setup.turn()).transpose()?;
    let browser = setup.rules.read(&body.value).await.map_err(|invalid| invalid.0);
    let device = read_device(&body.value);
    let (key_id, replaces) = (read_key(&body.value, &setup.keys), read_replaced(&body.value));
    let (Ok(browser), Ok(device), Ok(key_id), Ok(replaces)) = (&browser, &device, &key_id, &replaces) else {
        let read = [browser.err(), device.err(), key_id.err().map(|one| vec![one]), replaces.err()];
        return Err(Problem::fields(read.into_iter().flatten().flatten().collect()));
    };
    let new = NewSubscription {
        user_id,
        endpoint: &browser.endpoint,
        p256dh: &browser.p256dh,
        auth: &browser.auth,
        key_id: *key_id,
        current_key_id: &setup.current_key()?.key_id,
        device: *device,
        replaces: replaces.as_ref().map(|(endpoint, auth)| (*endpoint, &**auth)),
    };
    match api.store.subscribe(new).await? {
        Subscribed::Yes { id, needs_resubscribe } => {
            Ok((StatusCode::CREATED, JsonAnswer(SubscribeResult { id, needs_resubscribe })))
        }
        Subscribed::Full => {
            let detail = format!("{SUBSCRIPTIONS_MAX} is the most: unsubscribe one of them first");
            Err(Problem::new(Code::TooManyBrowsers, detail))
        }
        Subscribed::Foreign => Err(Problem::field("endpoint", "is somebody else's, and keys.auth is not its secret")),
        Subscribed::Unproven => Err(stranger.unwrap_or_else(|| Problem::field("replaces", "is no subscription"))),
    }
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
pub(in crate::http) async fn unsubscribe(
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

fn is_given(json: &Value, field: &str) -> bool {
    json.get(field).is_some_and(|value| !value.is_null())
}

fn fault(field: &str, message: &str) -> InvalidField {
    InvalidField { field: field.to_owned(), message: message.to_owned() }
}

/// Which of our keys the browser subscribed with, as far as it says.
fn read_key<'a>(json: &Value, keys: &'a [PublicKey]) -> Result<Option<&'a str>, InvalidField> {
    let Some(value) = json.get("application_server_key").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let bytes = |text: &str| decode_base64(text).ok();
    let named = value.as_str().and_then(bytes);
    let found = keys.iter().find(|one| named.is_some() && bytes(&one.key) == named);
    let found = found.ok_or_else(|| fault("application_server_key", "is none of ours: see GET /api/push/key"))?;
    Ok(Some(&found.key_id))
}

fn read_replaced(json: &Value) -> Result<Option<(&str, Vec<u8>)>, Vec<InvalidField>> {
    let Some(replaced) = json.get("replaces").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let endpoint = replaced.get("endpoint").and_then(Value::as_str).filter(|text| !text.contains('\0'));
    let auth = replaced.pointer("/keys/auth").and_then(Value::as_str);
    let auth = auth.and_then(|text| decode_base64(text).ok()).filter(|bytes| bytes.len() == AUTH_LEN);
    match (endpoint, auth) {
        (Some(endpoint), Some(auth)) => Ok(Some((endpoint, auth))),
        (endpoint, auth) => {
            let no_endpoint = endpoint.is_none().then(|| fault("replaces.endpoint", "must be the old endpoint"));
            let no_auth = auth.is_none().then(|| fault("replaces.keys.auth", "must be the old secret, 16 bytes"));
            Err([no_endpoint, no_auth].into_iter().flatten().collect())
        }
    }
}

fn read_device(json: &Value) -> Result<Option<&Value>, Vec<InvalidField>> {
    let Some(device) = json.get("device").filter(|device| !device.is_null()) else {
        return Ok(None);
    };
    let Some(fields) = device.as_object() else {
        return Err(vec![fault("device", "must be an object {name, platform, user_agent}")]);
    };
    let faults: Vec<InvalidField> = wrong_device_fields(fields)
        .map(|name| fault(&format!("device.{name}"), "must be name, platform or user_agent, at most 512 characters"))
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
