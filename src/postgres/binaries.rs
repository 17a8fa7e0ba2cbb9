//! Which Postgres to run.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{Error, OLDEST_VERSION, account::Account};

/// Where packages keep several versions side by side: a directory, what the names in it begin with, and
/// what follows them. Debian; PGDG on Red Hat; Homebrew.
const VERSIONED: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// Where there is only one.
const SINGLE: [&str; 3] = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"];

/// A directory with `postgres` and `initdb`, of a version that will do.
#[derive(Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    major: u32,
    version: String,
}

impl Binaries {
    /// The one asked for, or the first that will do: on `search_path`, then in the usual places, newest
    /// first. Data that exists can only be run by the major version that made it.
    pub(super) fn find(
        bindir: Option<&Path>,
        search_path: Option<&OsStr>,
        data: Option<&(PathBuf, u32)>,
        account: &Account,
    ) -> Result<Self, Error> {
        let look = |directory: PathBuf| Self::inspect(directory, account)?.fit_for(data);
        if let Some(bindir) = bindir {
            let found = with_programs(bindir).ok_or_else(|| Error::NotABindir(bindir.to_owned()))?;
            return look(found);
        }
        let mut refusal = None;
        for directory in candidates(search_path).iter().filter_map(|path| with_programs(path)) {
            match look(directory) {
                Ok(found) => return Ok(found),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or(Error::NoBinaries))
    }

    fn inspect(directory: PathBuf, account: &Account) -> Result<Self, Error> {
        let program = directory.join("postgres");
        let output = account.command(&program).arg("--version").output();
        let output = output.map_err(|source| Error::Spawn {
            program: program.clone(),
            account: account.name().to_owned(),
            source,
        })?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match parse_version(&said) {
            Some((version, major)) => Ok(Self { directory, major, version: version.to_owned() }),
            None => Err(Error::NoVersion { program, said }),
        }
    }

    fn fit_for(self, data: Option<&(PathBuf, u32)>) -> Result<Self, Error> {
        match data {
            _ if self.major < OLDEST_VERSION => Err(Error::TooOld { bindir: self.directory, version: self.version }),
            Some((data, made_by)) if *made_by != self.major => Err(Error::OtherVersion {
                data: data.clone(),
                made_by: *made_by,
                bindir: self.directory,
                version: self.version,
            }),
            Some(_) | None => Ok(self),
        }
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

/// The real place of the programs: a link to `initdb` alone does not work, it looks for its siblings.
fn with_programs(directory: &Path) -> Option<PathBuf> {
    let program = fs::canonicalize(directory.join("postgres")).ok()?;
    let directory = program.parent()?;
    directory.join("initdb").is_file().then(|| directory.to_owned())
}

fn candidates(search_path: Option<&OsStr>) -> Vec<PathBuf> {
    let versioned = VERSIONED.iter().flat_map(|(parent, prefix, bin)| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let mut found: Vec<(u32, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(bin)))
            })
            .collect();
        found.sort_unstable_by(|left, right| right.cmp(left));
        found.into_iter().map(|(_, path)| path)
    });
    env::split_paths(search_path.unwrap_or_default())
        .filter(|path| path.is_absolute())
        .chain(versioned)
        .chain(SINGLE.iter().map(PathBuf::from))
        .collect()
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is `("15.14", 15)`; a beta says `18beta1`.
fn parse_version(said: &str) -> Option<(&str, u32)> {
    let version = said.strip_prefix("postgres (PostgreSQL) ")?.split(' ').next()?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((version, digits.parse().ok()?))
}
