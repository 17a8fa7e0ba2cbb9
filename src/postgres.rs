//! A private Postgres, run from installed binaries: for `eventcenter dev` and for the tests.
//!
//! It needs no set-up and leaves nothing running. The server ends with [`Postgres`], and when this process is
//! killed outright (SIGKILL, out of memory) the kernel tells the server to shut down. As root, who may not
//! run Postgres, it drops to the user `postgres`, else `nobody`.
//!
//! **Who can connect.** The socket lies in a directory that only the server's user (and root) may enter, and
//! asks for no password: whoever gets that far owns the data files as well. TCP is off unless asked for,
//! listens on loopback only, and asks for a generated password (SCRAM), because any local user can dial it.
//!
//! **Layout.** `DIR/cluster/{data,password}` appears whole or not at all, `DIR/run` holds the socket,
//! `DIR/postgres.log` is the log since the last start, `DIR/lock` is held while the server runs.
//!
//! Everything here blocks. From async code call [`Postgres::start`] and [`Postgres::stop`] through
//! `spawn_blocking`; the thread may end afterwards, since the server hangs on a thread of its own.

mod account;
mod binaries;
mod error;
mod home;
mod process;
mod scratch;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fmt, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use binaries::Binaries;
pub use error::Error;
use home::Home;
use process::Process;
use scratch::SocketDirectory;

/// Oldest major version whose SQL we speak; anything older is refused by name.
pub const OLDEST_VERSION: u32 = 15;

/// A server that takes no connections by then is stopped and reported. Ample: recovery after a crash of a
/// server with development data takes seconds.
const READY_DEADLINE: Duration = Duration::from_mins(1);

/// Names the socket file when TCP is off; nothing listens on it then.
const SOCKET_PORT: u16 = 5432;

/// Whether programs that cannot use the socket may log in over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tcp {
    /// The socket is the only way in.
    #[default]
    Off,
    /// 127.0.0.1, on a port that was free a moment before the start.
    AnyPort,
    /// 127.0.0.1, on this port. Taken already: [`Error::Failed`], with Postgres's own words.
    Port(u16),
}

#[derive(Clone, Debug)]
enum Place {
    At(PathBuf),
    Temporary,
}

/// Where the data lies, which binaries run it, and how.
#[derive(Clone, Debug)]
pub struct Options {
    place: Place,
    bindir: Option<PathBuf>,
    search_path: Option<OsString>,
    tcp: Tcp,
    settings: Vec<(String, String)>,
}

impl Options {
    /// Keeps its data in `directory`, which is created when missing.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self::new(Place::At(directory.into()))
    }

    /// Keeps its data in a fresh directory, private to the server, which goes when the server stops.
    /// (After a SIGKILL of this process the server stops, but the directory stays.)
    pub fn temporary() -> Self {
        Self::new(Place::Temporary)
    }

    fn new(place: Place) -> Self {
        Self { place, bindir: None, search_path: None, tcp: Tcp::Off, settings: Vec::new() }
    }

    /// The directory of `postgres` and `initdb` (`PG_BINDIR`). Given one, no other is looked at.
    #[must_use]
    pub fn bindir(mut self, bindir: Option<PathBuf>) -> Self {
        self.bindir = bindir;
        self
    }

    /// The value of `PATH`: its directories are looked at before the usual places.
    #[must_use]
    pub fn search_path(mut self, path: Option<OsString>) -> Self {
        self.search_path = path;
        self
    }

    /// Whether to listen on TCP as well.
    #[must_use]
    pub fn tcp(mut self, tcp: Tcp) -> Self {
        self.tcp = tcp;
        self
    }

    /// A server setting, such as `synchronous_commit` or `shared_buffers`. The last one of a name counts;
    /// where the server listens is not up for setting here.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }
}

/// A running server. Dropped, it is shut down as by [`Postgres::stop`] with 20 seconds of grace.
#[derive(Debug)]
pub struct Postgres {
    // Fields are dropped in this order: the server has to be gone before its directories and its lock go.
    process: Process,
    socket: SocketDirectory,
    home: Home,
    version: String,
    url: String,
    tcp_url: Option<SecretUrl>,
}

struct SecretUrl(String);

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Postgres {
    /// Finds binaries, creates the data if there is none yet, and returns once connections are taken.
    /// Blocks: about a second for the first start in a directory, a tenth of that for later ones.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let home = Home::open(&options.place)?;
        let binaries = Binaries::find(
            options.bindir.as_deref(),
            options.search_path.as_deref(),
            home.data_version()?.as_ref(),
            home.account(),
        )?;
        home.wait_for_orphan()?;
        let password = home.create_cluster_once(&binaries)?;
        let socket = home.socket_directory()?;
        let port = match options.tcp {
            Tcp::Off => SOCKET_PORT,
            Tcp::AnyPort => free_port().map_err(Error::io("look for a free port on", Path::new("127.0.0.1")))?,
            Tcp::Port(port) => port,
        };
        let listen = match options.tcp {
            Tcp::Off => "",
            Tcp::AnyPort | Tcp::Port(_) => "127.0.0.1",
        };

        let program = binaries.postgres();
        let mut command = home.account().command(&program);
        command.arg("-D").arg(home.data());
        for (name, value) in &options.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
            .arg("-k")
            .arg(socket.path())
            .args(["-c", "unix_socket_permissions=0700"])
            .arg("-c")
            .arg(format!("listen_addresses={listen}"))
            .arg("-c")
            .arg(format!("port={port}"));
        let process = home.spawn_logged(&program, command)?;

        let postgres = Self {
            process,
            version: binaries.version().to_owned(),
            url: format!("postgres://postgres@localhost:{port}/postgres?host={}", socket.as_str()),
            tcp_url: (options.tcp != Tcp::Off)
                .then(|| SecretUrl(format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"))),
            socket,
            home,
        };
        postgres.wait_until_ready(&program)
    }

    fn wait_until_ready(mut self, program: &Path) -> Result<Self, Error> {
        let began = Instant::now();
        while !self.home.server_is_ready(self.process.id()) {
            process::pause();
            if let Some(status) = self.process.wait(Duration::ZERO).map_err(Error::io("wait for", program))? {
                return Err(self.home.failed(program, status));
            }
            if began.elapsed() > READY_DEADLINE {
                return Err(self.home.too_slow(program, READY_DEADLINE));
            }
        }
        Ok(self)
    }

    /// Connects through the socket as the superuser, to the database `postgres`. Holds no secret.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same over TCP; none with [`Tcp::Off`]. **Holds the password**: not for logs.
    pub fn tcp_url(&self) -> Option<&str> {
        self.tcp_url.as_ref().map(|url| url.0.as_str())
    }

    /// What `PGHOST` would be set to for programs that run as this user.
    pub fn socket_dir(&self) -> &Path {
        self.socket.path()
    }

    /// As the binaries say it, such as `15.14`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Ends the connections, writes a checkpoint and returns when the server is gone. A server that needs
    /// longer than `grace` is cut short; it then recovers at its next start and loses nothing.
    pub fn stop(mut self, grace: Duration) {
        self.process.stop(grace);
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
