//! Directories that go when we do, and names that nobody can guess.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Error, account::Account};

/// Bytes of a socket's path, by `sockaddr_un`, without its final zero.
const SOCKET_PATH: usize = 107;

/// Longest name that Postgres gives a socket.
const SOCKET_NAME: &str = "/.s.PGSQL.65535";

/// 144 bits as 24 characters, which need no quoting in a path or a URL.
pub(super) fn secret() -> io::Result<String> {
    let mut bytes = [0; 18];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Removed, with what is in it, when dropped.
#[derive(Debug)]
pub(super) struct Temporary(PathBuf);

impl Temporary {
    /// Makes a fresh directory below the system's temporary one, which the server may pass through. Its name
    /// cannot be guessed, so that nobody who may write there can prepare a trap under it.
    pub(super) fn new(account: &Account) -> Result<Self, Error> {
        let parent = env::temp_dir();
        let parent = fs::canonicalize(&parent).map_err(Error::io("find", &parent))?;
        let path = parent.join(format!("ec-{}", secret().map_err(Error::io("name a directory in", &parent))?));
        account.create_reachable(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "temporary directory stays");
        }
    }
}

/// Where the socket lies. Its path can stand in a URL and in Postgres's settings without being quoted.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    path: String,
    _temporary: Option<Temporary>,
}

impl SocketDirectory {
    /// `wanted` where it will do (a deep checkout is too long for a socket), else a temporary one.
    pub(super) fn create(wanted: &Path, account: &Account) -> Result<Self, Error> {
        if let Some(path) = fit_for_socket(wanted) {
            account.create_private(wanted)?;
            return Ok(Self { path, _temporary: None });
        }
        let temporary = Temporary::new(account)?;
        let short = temporary.path().join("run");
        let path = fit_for_socket(&short).ok_or_else(|| Error::NoSocketDirectory(short.clone()))?;
        account.create_private(&short)?;
        Ok(Self { path, _temporary: Some(temporary) })
    }

    pub(super) fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.path
    }
}

fn fit_for_socket(path: &Path) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.to_str()
        .filter(|path| path.len() + SOCKET_NAME.len() <= SOCKET_PATH && path.bytes().all(plain))
        .map(str::to_owned)
}
