//! A push service and its browsers, shared by all tests: what concerns a test is what arrives for its own browsers.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::peer::Peer;

static PEER: OnceCell<Peer> = OnceCell::const_new();

async fn peer() -> &'static Peer {
    PEER.get_or_init(|| Peer::start("push_service.py")).await
}

/// The file of the authority that vouches for it.
pub(crate) async fn authority() -> &'static str {
    peer().await.ready("ca")
}

/// Its origin: what `aud` must say.
pub(crate) async fn origin() -> &'static str {
    peer().await.ready("url")
}

/// Where real services are: here. For `EVENTCENTER_PUSH_HOSTS`.
pub(crate) async fn hosts() -> String {
    let port = origin().await.rsplit(':').next().unwrap();
    let hosts = peer().await.ready_list("hosts").into_iter();
    hosts.map(|host| format!("{host}=127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
}

/// A browser that takes pushes.
#[derive(Debug)]
pub(crate) struct Browser {
    /// Its `PushSubscription`, as JSON.
    pub(crate) subscription: Value,
}

impl Browser {
    /// Subscribes it at the push service, for pushes signed by this VAPID key alone.
    pub(crate) async fn new(application_server_key: &str) -> Self {
        Self::subscribed(&json!({"application_server_key": application_server_key})).await
    }

    /// The same at a push service of this name.
    pub(crate) async fn at(host: &str, application_server_key: &str) -> Self {
        Self::subscribed(&json!({"application_server_key": application_server_key, "host": host})).await
    }

    async fn subscribed(options: &Value) -> Self {
        let answer = peer().await.call(Method::POST, "/subscriptions", Some(options)).await;
        Self { subscription: answer.json() }
    }

    /// Where pushes for it go.
    pub(crate) fn endpoint(&self) -> &str {
        self.subscription["endpoint"].as_str().unwrap()
    }

    fn id(&self) -> &str {
        self.endpoint().rsplit('/').next().unwrap()
    }

    /// Its next answers, each `{status?, headers?, body?, delay_ms?, hang?}`; then it takes pushes again.
    pub(crate) async fn will_answer(&self, answers: &Value) {
        peer().await.call(Method::POST, &format!("/subscriptions/{}/script", self.id()), Some(answers)).await;
    }

    /// It is gone: its endpoint answers 410.
    pub(crate) async fn unsubscribe(&self) {
        peer().await.call(Method::DELETE, &format!("/subscriptions/{}", self.id()), None).await;
    }

    /// The pushes that reached it, once there are `count`. Each was good: signed for the service, and decrypted.
    pub(crate) async fn pushes(&self, count: usize) -> Vec<Value> {
        let pushes = peer().await.messages("subscription", self.id(), count).await;
        for push in &pushes {
            assert_eq!(push["errors"], json!([]), "{push:#}");
        }
        pushes
    }

    /// How many have reached it so far.
    pub(crate) async fn count(&self) -> usize {
        peer().await.messages_so_far("subscription", self.id()).await.len()
    }
}

/// What a push says, as its browser decrypted it.
pub(crate) fn plaintext(push: &Value) -> Value {
    serde_json::from_str(push["plaintext"].as_str().unwrap()).unwrap()
}
