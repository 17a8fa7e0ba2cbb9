//! `eventcenter token`

use std::time::Duration;

use clap::Args;
use eventcenter_core::id::UserId;

use super::output::say;
use super::{Error, Verdict};
use crate::auth::Tokens;
use crate::config::{DevHome, Jwt, duration};
use crate::dev::Running;

/// Sign a user token, as the host application would: to try things out by hand.
#[derive(Args, Debug)]
pub(super) struct Token {
    /// Whose: the host application's own user number.
    #[arg(long, value_name = "ID")]
    user: UserId,
    /// How long it is valid.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    ttl: Duration,
    #[command(flatten)]
    home: DevHome,
    #[command(flatten)]
    jwt: Jwt,
}

impl Token {
    pub(super) fn run(self) -> Result<Verdict, Error> {
        let secret = match self.jwt.secret {
            Some(secret) => secret,
            None => Running::read(&self.home.data).map(|running| running.jwt_secret).map_err(|error| {
                let ways = "set EVENTCENTER_JWT_SECRET, or start `eventcenter dev`";
                Error::Impossible(format!("no JWT secret to sign with: {ways} ({error})"))
            })?,
        };
        say(Tokens::hs256(secret.expose()).issue(self.user, self.ttl)?)?;
        Ok(Verdict::Holds)
    }
}
