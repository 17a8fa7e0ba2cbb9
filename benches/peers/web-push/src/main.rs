//! web-push 0.11, measured for `make bench`. Prints one number: messages per second of CPU time.
//!
//! `web-push-bench encrypt|send JOB`, where JOB is JSON: see `Job` in `benches/src/push.rs`. As in its documentation, every
//! message is signed; its client is the default one, told of the authority that vouches for the sink.

use std::error::Error;
use std::fs;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use isahc::HttpClient;
use isahc::config::{CaCertificate, Configurable};
use serde::Deserialize;
use web_push::{
    ContentEncoding, IsahcWebPushClient, SubscriptionInfo, VapidSignatureBuilder, WebPushClient, WebPushError,
    WebPushMessage, WebPushMessageBuilder,
};

/// In which the kernel tells CPU time, whatever its own clock (time(7)).
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Deserialize)]
struct Job {
    endpoint: String,
    p256dh: String,
    auth: String,
    private_key: String,
    subject: String,
    payload: String,
    authority: String,
    messages: u32,
    at_once: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, mode, job] = &arguments[..] else { return Err("usage: web-push-bench encrypt|send JOB".into()) };
    let job: Job = serde_json::from_str(job)?;
    let client = HttpClient::builder().ssl_ca_certificate(CaCertificate::file(&*job.authority)).build()?;
    let client = IsahcWebPushClient::from(client);
    let before = cpu_seconds()?;
    if mode == "encrypt" {
        for _ in 0..job.messages {
            message(&job)?;
        }
    } else {
        let (client, job) = (&client, &job);
        stream::iter(0..job.messages)
            .map(async |_| client.send(message(job)?).await)
            .buffer_unordered(job.at_once)
            .try_collect::<()>()
            .await?;
    }
    println!("{}", f64::from(job.messages) / (cpu_seconds()? - before));
    Ok(())
}

fn message(job: &Job) -> Result<WebPushMessage, WebPushError> {
    let subscription = SubscriptionInfo::new(&job.endpoint, &job.p256dh, &job.auth);
    let mut signature = VapidSignatureBuilder::from_base64(&job.private_key, &subscription)?;
    signature.add_claim("sub", job.subject.as_str());
    let mut builder = WebPushMessageBuilder::new(&subscription);
    builder.set_payload(ContentEncoding::Aes128Gcm, job.payload.as_bytes());
    builder.set_vapid_signature(signature.build()?);
    builder.build()
}

/// User and system time of this process so far (proc(5)).
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("no name")?;
    let ticks: Result<Vec<f64>, _> = rest.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS_A_SECOND)
}
