//! Running the command line.

use std::process::{Command, Output};

use serde_json::Value;

use super::database::Database;
use super::installation::eventcenter;

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Runs it to its end.
    pub(crate) fn by(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// What it said on standard output. Fails the test unless what was asked holds.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.out.trim_end().to_owned()
    }

    /// Its JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }
}

/// Runs a command against the database.
pub(crate) fn run(db: &Database, arguments: &[&str]) -> Said {
    Said::by(eventcenter(arguments).env("DATABASE_URL", db.url()))
}
