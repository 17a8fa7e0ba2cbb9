//! What a browser's `subscribe()` hands over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine};
use eventcenter_core::event::InvalidField;
use serde_json::Value;
use url::Url;

use super::encryption::{EncryptionError, auth_secret, public_key};
use super::endpoint::{Endpoint, EndpointPolicy};
use super::guard::{FixedHosts, Guard};

/// base64url, padded or not: browsers leave the padding away, Firefox's own service and some libraries do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A name that takes longer to look up is refused, as one that does not exist.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// A browser's subscription, fit to be stored and sent to. Made by [`PushSubscription::from_json`].
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// The endpoint in normal form, at most [`super::ENDPOINT_MAX`] bytes.
    pub endpoint: String,
    /// The browser's public key, an uncompressed point on P-256: 65 bytes.
    pub p256dh: Vec<u8>,
    /// The browser's authentication secret: 16 bytes.
    pub auth: Vec<u8>,
}

/// Everything that is wrong with a subscription; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubscription(pub Vec<InvalidField>);

/// Which subscriptions are good.
#[derive(Clone, Debug)]
pub struct SubscriptionRules(Guard);

impl SubscriptionRules {
    /// Those that `policy` lets us dial.
    pub fn new(policy: EndpointPolicy, fixed_hosts: FixedHosts) -> Self {
        Self(Guard { policy, fixed: Arc::new(fixed_hosts) })
    }

    /// Like [`PushSubscription::from_json`]; where any public host will do, it must have a public address, too. Nothing
    /// is fetched. What the name leads to may change, so it is looked at again whenever it is dialled.
    pub async fn read(&self, json: &Value) -> Result<PushSubscription, InvalidSubscription> {
        let Self(guard) = self;
        let read = PushSubscription::from_json(json, guard.policy)?;
        let is_open = match guard.policy {
            EndpointPolicy::PublicHosts => true,
            EndpointPolicy::KnownServices | EndpointPolicy::Loopback => false,
        };
        let host = Url::parse(&read.endpoint).ok().and_then(|url| url.host_str().map(str::to_owned));
        if let Some(host) = host.filter(|_| is_open) {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, guard.addresses(&host)).await;
            if !matches!(found, Ok(Ok(_))) {
                let message = "must name a host with a public address".to_owned();
                return Err(InvalidSubscription(vec![InvalidField { field: "endpoint".to_owned(), message }]));
            }
        }
        Ok(read)
    }
}

impl PushSubscription {
    /// Reads the JSON of a browser's `PushSubscription` (Push API §8.1), or says everything that is wrong with it.
    /// Fields that it does not know are left to the caller.
    pub fn from_json(json: &Value, policy: EndpointPolicy) -> Result<Self, InvalidSubscription> {
        let endpoint = read(json, "endpoint", |text| {
            Endpoint::parse(text, policy)
                .map(|endpoint| endpoint.as_str().to_owned())
                .map_err(|error| error.to_string())
        });
        let p256dh = read(json, "keys.p256dh", |text| key(text, public_key));
        let auth = read(json, "keys.auth", |text| key(text, auth_secret));
        match (endpoint, p256dh, auth) {
            (Ok(endpoint), Ok(p256dh), Ok(auth)) => Ok(Self { endpoint, p256dh, auth }),
            (endpoint, p256dh, auth) => {
                Err(InvalidSubscription([endpoint.err(), p256dh.err(), auth.err()].into_iter().flatten().collect()))
            }
        }
    }
}

/// Reads one field, given as a path, or says what it must be.
fn read<T>(json: &Value, field: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, InvalidField> {
    let value = field.split('.').try_fold(json, |value, name| value.get(name));
    let parsed = match value {
        None | Some(Value::Null) => Err("is required".to_owned()),
        Some(Value::String(text)) => parse(text),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err("must be a string".to_owned())
        }
    };
    parsed.map_err(|message| InvalidField { field: field.to_owned(), message })
}

/// Decodes base64 in either alphabet, padded or not.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(text.replace('+', "-").replace('/', "_"))
}

/// Decodes a key and has it checked.
fn key<T>(text: &str, check: fn(&[u8]) -> Result<T, EncryptionError>) -> Result<Vec<u8>, String> {
    let bytes = decode_base64(text).map_err(|error| format!("must be base64url ({error})"))?;
    check(&bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

impl fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSubscription").finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, InvalidField { field, message }) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{field} {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSubscription {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // RFC 8291, appendix A.
    const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn browser() -> Value {
        json!({
            "endpoint": "https://fcm.googleapis.com/fcm/send/abc",
            "expirationTime": null,
            "keys": {"p256dh": P256DH, "auth": AUTH},
        })
    }

    fn with(path: &str, value: Value) -> Value {
        let mut json = browser();
        *json.pointer_mut(path).unwrap() = value;
        json
    }

    fn faults(json: &Value) -> Vec<String> {
        let read = PushSubscription::from_json(json, EndpointPolicy::KnownServices);
        read.err().map_or_else(Vec::new, |faults| faults.0.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn a_browsers_own_json_is_read() {
        let read = PushSubscription::from_json(&browser(), EndpointPolicy::KnownServices).unwrap();

        assert_eq!(read.endpoint, "https://fcm.googleapis.com/fcm/send/abc");
        assert_eq!((read.p256dh.len(), read.auth.len()), (65, 16));
    }

    #[test]
    fn keys_may_be_padded_and_in_the_standard_alphabet() {
        let plain = PushSubscription::from_json(&browser(), EndpointPolicy::KnownServices).unwrap();
        let standard = |text: &str, padding: &str| json!(text.replace('-', "+").replace('_', "/") + padding);
        let mut json = with("/keys/p256dh", standard(P256DH, "="));
        *json.pointer_mut("/keys/auth").unwrap() = standard(AUTH, "==");

        assert_eq!(PushSubscription::from_json(&json, EndpointPolicy::KnownServices).unwrap(), plain);
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(faults(&json!({})), ["endpoint", "keys.p256dh", "keys.auth"]);
        assert_eq!(faults(&json!([])), ["endpoint", "keys.p256dh", "keys.auth"]);
        assert_eq!(faults(&with("/keys", json!("x"))), ["keys.p256dh", "keys.auth"]);
        assert_eq!(faults(&with("/endpoint", json!("https://10.0.0.1/x"))), ["endpoint"]);
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused() {
        for wrong in [json!(7), json!(null), json!(""), json!("!"), json!(AUTH), json!(format!("{}A", &P256DH[..86]))] {
            assert_eq!(faults(&with("/keys/p256dh", wrong.clone())), ["keys.p256dh"], "{wrong}");
        }
        for wrong in [json!(""), json!(&AUTH[..20]), json!(P256DH)] {
            assert_eq!(faults(&with("/keys/auth", wrong.clone())), ["keys.auth"], "{wrong}");
        }
    }

    #[test]
    fn a_fault_reads_as_a_sentence() {
        let error = PushSubscription::from_json(&with("/endpoint", json!("/x")), EndpointPolicy::KnownServices);

        assert_eq!(error.unwrap_err().to_string(), "endpoint must be an absolute URL");
    }
}
