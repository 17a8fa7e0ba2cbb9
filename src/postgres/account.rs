//! As whom the server runs, and what that user may touch.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use super::{Error, process};

/// As whom root runs Postgres: the first of these that exists.
const DROP_TO: [&str; 2] = ["postgres", "nobody"];

/// The user the server runs as.
#[derive(Clone, Debug)]
pub(super) enum Account {
    /// The one we are.
    Ours,
    /// Another, because we are root.
    Dropped { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// Whoever owns the `data` already, since Postgres insists on that; else the first of [`DROP_TO`].
    pub(super) fn choose(data: Option<&Path>) -> Result<Self, Error> {
        if !process::we_are_root() {
            return Ok(Self::Ours);
        }
        if let Some(owner) = data.and_then(|data| fs::metadata(data).ok()) {
            return Ok(Self::Dropped { name: format!("with id {}", owner.uid()), uid: owner.uid(), gid: owner.gid() });
        }
        let path = Path::new("/etc/passwd");
        let users = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut named = DROP_TO.iter().filter_map(|name| Self::named(name, &users));
        named.next().ok_or(Error::NoAccount)
    }

    /// Reads `name:password:uid:gid:…`. System users are local: no directory service need be asked.
    fn named(name: &str, users: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(())?;
            Some(Self::Dropped {
                name: name.to_owned(),
                uid: fields.nth(1)?.parse().ok()?,
                gid: fields.next()?.parse().ok()?,
            })
        })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Ours => "we are",
            Self::Dropped { name, .. } => name,
        }
    }

    /// `program` as this user, with nothing of our environment: no `PG*` variable can steer the server, no
    /// secret of ours gets into it, and the locale is the same everywhere.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        match self {
            Self::Ours => {}
            // std drops root's supplementary groups along with this.
            Self::Dropped { uid, gid, .. } => {
                command.uid(*uid).gid(*gid);
            }
        }
        command
    }

    /// Creates `directory` if need be, with parents, and looks first whether the server could get there.
    pub(super) fn create_reachable(&self, directory: &Path) -> Result<(), Error> {
        match fs::metadata(directory) {
            Ok(found) if self.may_enter(&found) => match directory.parent() {
                Some(parent) => self.create_reachable(parent),
                None => Ok(()),
            },
            Ok(_) => Err(Error::NotTraversable { directory: directory.to_owned(), account: self.name().to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = directory.parent() {
                    self.create_reachable(parent)?;
                }
                self.create_traversable(directory)
            }
            Err(error) => Err(Error::io("look at", directory)(error)),
        }
    }

    fn may_enter(&self, directory: &Metadata) -> bool {
        let bit = match self {
            Self::Ours => return true,
            Self::Dropped { uid, .. } if directory.uid() == *uid => 0o100,
            Self::Dropped { gid, .. } if directory.gid() == *gid => 0o010,
            Self::Dropped { .. } => 0o001,
        };
        directory.mode() & bit != 0
    }

    /// A new directory of ours that the server may pass through but not list; as ourselves, ours alone.
    pub(super) fn create_traversable(&self, directory: &Path) -> Result<(), Error> {
        let mode = match self {
            Self::Ours => 0o700,
            Self::Dropped { .. } => 0o711,
        };
        fs::create_dir(directory)
            .and_then(|()| fs::set_permissions(directory, Permissions::from_mode(mode)))
            .map_err(Error::io("create", directory))
    }

    /// A directory that is the server's and nobody else's; one that exists is made so.
    pub(super) fn create_private(&self, directory: &Path) -> Result<(), Error> {
        DirBuilder::new()
            .mode(0o700)
            .create(directory)
            .or_else(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    Ok(())
                } else {
                    Err(error)
                }
            })
            // Opened without following links, so that root cannot be led to give away something else.
            .and_then(|()| {
                OpenOptions::new()
                    .read(true)
                    .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
                    .open(directory)
            })
            .and_then(|opened| {
                opened.set_permissions(Permissions::from_mode(0o700))?;
                self.give(&opened)
            })
            .map_err(Error::io("create", directory))
    }

    /// Makes the server's user the owner of what `file` is open on.
    pub(super) fn give(&self, file: &File) -> io::Result<()> {
        match self {
            Self::Ours => Ok(()),
            Self::Dropped { uid, gid, .. } => fchown(file, Some(*uid), Some(*gid)),
        }
    }
}
