//! `eventcenter vapid`

use clap::{Args, Subcommand};
use eventcenter_workers::push::VapidKey;
use serde_json::json;

use super::output::{Format, say, say_json};
use super::{Error, Verdict};

/// Manage VAPID keys: who we are to push services (RFC 8292).
#[derive(Debug, Subcommand)]
pub(super) enum Vapid {
    /// Make a key pair. Keep the private one: browsers that subscribed with it can be reached with no other.
    Generate(Generate),
}

#[derive(Args, Debug)]
pub(super) struct Generate {
    #[command(flatten)]
    format: Format,
}

impl Vapid {
    pub(super) fn run(self) -> Result<Verdict, Error> {
        let Self::Generate(Generate { format }) = self;
        let key = VapidKey::generate()?;
        let (private, public) = (key.secret()?, key.public_key());
        if format.json {
            say_json(&json!({"id": key.id(), "private_key": private, "public_key": public}))?;
        } else {
            say(format_args!("EVENTCENTER_VAPID_KEYS={private}"))?;
            say(format_args!("# the public key, which pages get from /api/push/key: {public}"))?;
        }
        Ok(Verdict::Holds)
    }
}
