//! A mail server, shared by all tests: what concerns a test is what arrives at its own addresses.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::peer::Peer;

static PEER: OnceCell<Peer> = OnceCell::const_new();

async fn peer() -> &'static Peer {
    PEER.get_or_init(|| Peer::start("mail_server.py")).await
}

/// What `EVENTCENTER_SMTP_URL` says.
pub(crate) async fn url() -> String {
    format!("smtp://127.0.0.1:{}?tls=none", peer().await.port())
}

/// The same with TLS: that begins with STARTTLS, or with the first byte.
pub(crate) async fn tls_urls() -> [String; 2] {
    let peer = peer().await;
    [format!("smtp://localhost:{}", peer.port()), format!("smtps://localhost:{}", peer.number("tls_port"))]
}

/// The file of the authority that must be trusted for that.
pub(crate) async fn authority() -> &'static str {
    peer().await.ready("ca")
}

/// Somebody's address.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) address: String,
}

impl Mailbox {
    /// One that no other test writes to.
    pub(crate) fn new() -> Self {
        Self { address: format!("anna-{}@example.org", Uuid::now_v7().simple()) }
    }

    /// The mail that reached it, once there is as much. An independent parser found nothing wrong with it.
    pub(crate) async fn mail(&self, count: usize) -> Vec<Value> {
        let mail = peer().await.messages("envelope_to", &self.address, count).await;
        for one in &mail {
            assert_eq!(one["defects"], json!([]), "{one:#}");
        }
        mail
    }

    /// How much mail has reached it so far.
    pub(crate) async fn count(&self) -> usize {
        peer().await.messages_so_far("envelope_to", &self.address).await.len()
    }

    /// From now on, the server refuses mail for it alone with this reply.
    pub(crate) async fn is_refused(&self, reply: &str) {
        let mut refusals = serde_json::Map::new();
        refusals.insert(self.address.clone(), reply.into());
        peer().await.call(Method::PUT, "/refusals", Some(&refusals.into())).await;
    }
}

/// What DNS says from now on of a DKIM key, as the server believes.
pub(crate) async fn publish(name: &str, record: &str) {
    let mut records = serde_json::Map::new();
    records.insert(name.to_owned(), record.into());
    peer().await.call(Method::PUT, "/keys", Some(&records.into())).await;
}
