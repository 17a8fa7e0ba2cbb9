//! `eventcenter doctor`

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::output::{Format, say, say_json};
use super::{Error, Verdict};
use crate::config::{DevHome, Settings};
use crate::dev;

mod checks;

/// Examine the settings, the database, and what lies between.
///
/// One line per check: ok, warn or fail, and what to do. Exit status 1 when a check fails. Takes the settings of
/// `serve`, from the same flags and variables; without a database URL, those of `eventcenter dev`.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    home: DevHome,
    #[command(flatten)]
    settings: Settings,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Ok,
    /// Works, and will hurt some day.
    Warn,
    /// Does not work, or is not safe.
    Fail,
}

/// What a check found, and what to do about it.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    health: Health,
    text: String,
}

impl Finding {
    fn new(check: &'static str, health: Health, text: impl Into<String>) -> Self {
        Self { check, health, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let health = match self.health {
            Health::Ok => "ok",
            Health::Warn => "warn",
            Health::Fail => "FAIL",
        };
        write!(f, "{health:<4}  {:<12}  {}", self.check, self.text)
    }
}

impl Doctor {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        let settings = match self.settings.database.url {
            Some(_) => self.settings,
            None => dev::settings_of(self.settings, &self.home.data)?,
        };
        let findings = checks::all(&settings).await?;
        if self.format.json {
            say_json(&findings)?;
        } else {
            findings.iter().try_for_each(say)?;
        }
        let is_ill = findings.iter().any(|finding| finding.health == Health::Fail);
        Ok(if is_ill { Verdict::DoesNot } else { Verdict::Holds })
    }
}
