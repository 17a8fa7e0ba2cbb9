//! The directory of a server: its layout, its lock, and the making of its data.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{self, Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use super::{
    Error, Place,
    account::Account,
    binaries::Binaries,
    process::{Process, pause},
    scratch::{SocketDirectory, Temporary, secret},
};

/// An `initdb` that takes longer is stopped and reported. It takes a second; a busy CI disk, ten.
const INITDB_DEADLINE: Duration = Duration::from_mins(2);

/// How long a server whose parent was killed may take to shut down before the directory counts as in use.
const ORPHAN_GRACE: Duration = Duration::from_secs(20);

/// How much of the end of the log goes into an error.
const LOG_TAIL: u64 = 2_000;

/// What an unfinished cluster is called, before a secret.
const UNFINISHED: &str = "unfinished-";

/// An open home: no other process has it open.
#[derive(Debug)]
pub(super) struct Home {
    // Dropped in this order: unlocked, then removed.
    _lock: Lock,
    _temporary: Option<Temporary>,
    directory: PathBuf,
    account: Account,
}

#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing would not do: a child that another thread has just forked shares the file until it executes.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "cannot unlock the data directory");
        }
    }
}

impl Home {
    /// Creates the directory when missing and locks it.
    pub(super) fn open(place: &Place) -> Result<Self, Error> {
        let (directory, account, temporary) = match place {
            Place::At(directory) => {
                let directory = path::absolute(directory).map_err(Error::io("find", directory))?;
                let account = Account::choose(Some(&data_in(&directory)))?;
                account.create_reachable(&directory)?;
                // What Postgres and the kernel call it, with every link resolved.
                let real = fs::canonicalize(&directory).map_err(Error::io("find", &directory))?;
                account.create_reachable(&real)?;
                (real, account, None)
            }
            Place::Temporary => {
                let account = Account::choose(None)?;
                let temporary = Temporary::new(&account)?;
                (temporary.path().to_owned(), account, Some(temporary))
            }
        };
        let path = directory.join("lock");
        let lock = owners_file(&path).map_err(Error::io("open", &path))?;
        lock.try_lock().map_err(|error| Error::lock(&directory, error))?;
        Ok(Self { _lock: Lock(lock), _temporary: temporary, directory, account })
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn data(&self) -> PathBuf {
        data_in(&self.directory)
    }

    /// The data directory and the major version that made it; none when there is no data yet.
    pub(super) fn data_version(&self) -> Result<Option<(PathBuf, u32)>, Error> {
        let data = self.data();
        if !data.exists() {
            return Ok(None);
        }
        let path = data.join("PG_VERSION");
        fs::read_to_string(&path)
            .and_then(|version| version.trim().parse().map_err(io::Error::other))
            .map(|version| Some((data, version)))
            .map_err(Error::io("read", &path))
    }

    /// A parent that was killed cannot wait for its server, so the next one does.
    pub(super) fn wait_for_orphan(&self) -> Result<(), Error> {
        let began = Instant::now();
        while self.orphan_runs() {
            if began.elapsed() > ORPHAN_GRACE {
                return Err(Error::InUse(self.directory.clone()));
            }
            pause();
        }
        Ok(())
    }

    /// A server works in its data directory; by that it is told from a stranger who got its old number.
    fn orphan_runs(&self) -> bool {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let pid = pid_file.lines().next().unwrap_or_default().trim();
        fs::read_link(Path::new("/proc").join(pid).join("cwd")).is_ok_and(|works_in| works_in == self.data())
    }

    /// Makes the data if there is none, and returns the password. It is made under another name and renamed
    /// when complete, so that a crash on the way costs nothing but the time.
    pub(super) fn create_cluster_once(&self, binaries: &Binaries) -> Result<String, Error> {
        let cluster = self.directory.join("cluster");
        if !cluster.exists() {
            self.remove_unfinished()?;
            let name = secret().map_err(Error::io("name a directory in", &self.directory))?;
            let unfinished = self.directory.join(format!("{UNFINISHED}{name}"));
            self.account.create_traversable(&unfinished)?;
            self.initdb(binaries, &unfinished)?;
            fs::rename(&unfinished, &cluster).map_err(Error::io("rename", &unfinished))?;
        }
        let path = cluster.join("password");
        fs::read_to_string(&path).map_err(Error::io("read", &path))
    }

    fn initdb(&self, binaries: &Binaries, cluster: &Path) -> Result<(), Error> {
        let (password, data) = (cluster.join("password"), cluster.join("data"));
        owners_file(&password)
            .and_then(|mut file| {
                file.write_all(secret()?.as_bytes())?;
                self.account.give(&file)
            })
            .map_err(Error::io("write", &password))?;
        self.account.create_private(&data)?;

        let program = binaries.initdb();
        let mut command = self.account.command(&program);
        command
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            // Only of what initdb itself writes, and a crash now costs nothing. The server syncs as it should.
            .arg("--no-sync")
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(&data);
        let mut initdb = self.spawn_logged(&program, command)?;
        match initdb.wait(INITDB_DEADLINE).map_err(Error::io("wait for", &program))? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failed(&program, status)),
            None => Err(self.too_slow(&program, INITDB_DEADLINE)),
        }
    }

    /// What crashes have left. The `initdb` of a parent just killed may be clearing up too: what one of the
    /// two misses goes at the next start.
    fn remove_unfinished(&self) -> Result<(), Error> {
        let entries = fs::read_dir(&self.directory).map_err(Error::io("list", &self.directory))?;
        for entry in entries.flatten() {
            if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                continue;
            }
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "unfinished data stays");
            }
        }
        Ok(())
    }

    pub(super) fn socket_directory(&self) -> Result<SocketDirectory, Error> {
        SocketDirectory::create(&self.directory.join("run"), &self.account)
    }

    /// Line 1 of `postmaster.pid` is whose it is (a killed server leaves one behind), line 8 the state.
    pub(super) fn server_is_ready(&self, pid: u32) -> bool {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = pid_file.lines().map(str::trim);
        lines.next() == Some(pid.to_string().as_str()) && lines.nth(6) == Some("ready")
    }

    /// Runs `command` with its output in the log, which begins anew: so it is bounded by one run.
    pub(super) fn spawn_logged(&self, program: &Path, mut command: Command) -> Result<Process, Error> {
        let path = self.log();
        let log = owners_file(&path).and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = log.map_err(Error::io("open", &path))?;
        command.stdout(out).stderr(err);
        Process::spawn(command).map_err(|source| Error::Spawn {
            program: program.to_owned(),
            account: self.account.name().to_owned(),
            source,
        })
    }

    fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    fn log_tail(&self) -> String {
        let mut tail = Vec::new();
        let read = File::open(self.log()).and_then(|mut log| {
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
            log.read_to_end(&mut tail)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&tail).trim().to_owned(),
            Err(error) => format!("(its log cannot be read: {error})"),
        }
    }

    pub(super) fn failed(&self, program: &Path, status: ExitStatus) -> Error {
        Error::Failed { program: program.to_owned(), status, said: self.log_tail() }
    }

    pub(super) fn too_slow(&self, program: &Path, deadline: Duration) -> Error {
        Error::TooSlow { program: program.to_owned(), deadline, said: self.log_tail() }
    }
}

fn data_in(directory: &Path) -> PathBuf {
    directory.join("cluster").join("data")
}

/// A file that only its owner may read, emptied when it exists.
fn owners_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path).and_then(
        |file| {
            file.set_len(0)?;
            Ok(file)
        },
    )
}
