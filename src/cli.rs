//! The command line. Exit status: 0 when what was asked holds, 1 when it does not, 2 when it was not understood.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eventcenter_core::store::StoreError;
use eventcenter_workers::email::TemplateError;

use crate::config::{Log, Refused};
use crate::dev::{self, DevError, FileError};
use crate::log::{self, LogError};

mod api;
mod audit;
mod dead;
mod doctor;
mod emit;
mod key;
mod migrate;
mod output;
mod serve;
mod status;
mod suppression;
mod tail;
mod target;
mod template;
mod token;
mod vapid;

/// A notification engine: one binary and the Postgres you already run.
///
/// Try it with `eventcenter dev`. Every flag that names an environment variable may be set by it instead.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    log: Log,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Dev(Box<dev::Dev>),
    Migrate(migrate::Migrate),
    #[command(subcommand)]
    Key(key::Key),
    Token(token::Token),
    #[command(subcommand)]
    Vapid(vapid::Vapid),
    #[command(subcommand)]
    Template(template::Template),
    Emit(Box<emit::Emit>),
    Status(status::Status),
    Tail(tail::Tail),
    #[command(subcommand)]
    Dead(dead::Dead),
    #[command(subcommand)]
    Suppression(suppression::Command),
    Audit(audit::Audit),
    Doctor(Box<doctor::Doctor>),
}

/// Whether what was asked holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Holds,
    DoesNot,
}

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Settings(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Dev(#[from] DevError),
    #[error(transparent)]
    Files(#[from] FileError),
    #[error(transparent)]
    Serve(#[from] crate::serve::Error),
    #[error("cannot read or write: {0}")]
    Io(#[from] io::Error),
    #[error("no answer from the server: {0}; is it running?")]
    Http(#[from] reqwest::Error),
    #[error("no token can be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    #[error("the system has no randomness to give")]
    Randomness(#[from] aws_lc_rs::error::Unspecified),
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// What was asked cannot be done; says what to do instead.
    #[error("{0}")]
    Impossible(String),
}

/// Does what was asked, and says whether it holds.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli).await {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::DoesNot) => ExitCode::FAILURE,
        // The reader has left, as in `eventcenter tail … | head`: nobody is there to be told.
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            // Nothing more can be done when standard error is gone, too.
            drop(writeln!(io::stderr(), "eventcenter: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> Result<Verdict, Error> {
    log::init(&cli.log)?;
    match cli.command {
        Command::Serve(serve) => Box::pin(serve.run()).await,
        Command::Dev(dev) => {
            Box::pin(dev::run(*dev)).await?;
            Ok(Verdict::Holds)
        }
        Command::Migrate(migrate) => migrate.run().await,
        Command::Key(key) => key.run().await,
        Command::Token(token) => token.run(),
        Command::Vapid(vapid) => vapid.run(),
        Command::Template(template) => template.run(),
        Command::Emit(emit) => emit.run().await,
        Command::Status(status) => status.run().await,
        Command::Tail(tail) => tail.run().await,
        Command::Dead(dead) => dead.run().await,
        Command::Suppression(suppression) => suppression.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Doctor(doctor) => doctor.run().await,
    }
}

/// An error and what caused it, on one line, without repeating what an error already says of its cause.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.contains(&words) {
            line.push_str(": ");
            line.push_str(&words);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
