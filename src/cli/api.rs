//! A service's way to the HTTP API: where it is, and the key that opens it.

use std::path::Path;
use std::time::Duration;

use reqwest::{StatusCode, redirect};
use serde_json::Value;
use url::Url;

use super::Error;
use crate::config::{Client, Secret};
use crate::dev::Running;

/// How long one answer may take. A server that is that slow is said to be away.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Api {
    url: Url,
    key: Secret,
}

impl Api {
    /// The server that is named, or the running `eventcenter dev`; its key goes nowhere else.
    pub(super) fn find(client: &Client, dev: &Path) -> Result<Self, Error> {
        let missing = |what, ways, error| Error::Impossible(format!("no {what}: {ways} ({error})"));
        let running = Running::read(dev);
        match (&client.url, &client.key) {
            (Some(url), Some(key)) => Ok(Self { url: url.clone(), key: key.clone() }),
            (Some(url), None) => match running {
                Ok(running) if running.url.origin() == url.origin() => {
                    Ok(Self { url: url.clone(), key: running.service_key })
                }
                Ok(_) | Err(_) => {
                    Err(Error::Impossible("no service key: set EVENTCENTER_SERVICE_KEY or --key".to_owned()))
                }
            },
            (None, key) => {
                let running =
                    running.map_err(|error| missing("server", "set --url, or start `eventcenter dev`", error))?;
                Ok(Self { url: running.url, key: key.clone().unwrap_or(running.service_key) })
            }
        }
    }

    /// The server's status and JSON. Neither a proxy of the environment nor a redirect gets to see the key.
    pub(super) async fn post(&self, path: &str, body: String) -> Result<(StatusCode, Value), Error> {
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let response = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()?
            .post(url)
            .bearer_auth(self.key.expose())
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await?;
        Ok((response.status(), response.json().await?))
    }
}
