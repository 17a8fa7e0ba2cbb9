//! The files of the data directory: secrets that are kept between runs, and how to reach what runs now.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use eventcenter_workers::push::VapidKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::auth::NewServiceKey;
use crate::config::Secret;

/// A file of the data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Missing, not ours, or the disk is full.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Not what we wrote.
    #[error("{0} is not what `eventcenter dev` wrote: {1}; remove it and start dev again")]
    Content(PathBuf, #[source] serde_json::Error),
    /// No randomness for new secrets.
    #[error("the system has no randomness to give")]
    Randomness(#[from] Unspecified),
}

/// The secrets of a data directory, made on the first start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// For the services that are being developed.
    pub service_key: Secret,
    /// Signs user tokens.
    pub jwt_secret: Secret,
    /// The private VAPID key: a browser's subscription lives as long as it does.
    pub vapid_key: Secret,
}

impl Kept {
    const FILE: &str = "secrets.json";

    /// Reads them, or makes them and the directory.
    pub fn load_or_create(data: &Path) -> Result<Self, FileError> {
        // Open for everyone's passage, not for reading: the server of the database may run as another user.
        let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(data);
        made.map_err(|error| FileError::Io(data.to_owned(), error))?;
        match read(&data.join(Self::FILE)) {
            Err(FileError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                let kept = Self::generate()?;
                write_private(data, Self::FILE, &kept)?;
                Ok(kept)
            }
            kept => kept,
        }
    }

    fn generate() -> Result<Self, Unspecified> {
        let mut jwt_secret = [0; 32];
        rand::fill(&mut jwt_secret)?;
        Ok(Self {
            service_key: Secret::from(NewServiceKey::generate()?.secret),
            jwt_secret: Secret::from(BASE64.encode(jwt_secret)),
            vapid_key: Secret::from(VapidKey::generate()?.secret()?),
        })
    }
}

/// `dev.json`: how to reach the `eventcenter dev` that runs, or ran last, in a directory.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    /// The HTTP API.
    pub url: Url,
    /// Its database, password included.
    pub database_url: Secret,
    /// Lets services in.
    pub service_key: Secret,
    /// Signs user tokens.
    pub jwt_secret: Secret,
    /// What a page passes to `subscribe()`.
    pub vapid_public_key: String,
}

impl Running {
    const FILE: &str = "dev.json";

    /// Reads `dev.json` in `data`.
    pub fn read(data: &Path) -> Result<Self, FileError> {
        read(&data.join(Self::FILE))
    }

    /// Writes `dev.json` into `data`: whole or not at all, readable by its owner alone.
    pub fn write(&self, data: &Path) -> Result<(), FileError> {
        write_private(data, Self::FILE, self)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = fs::read(path).map_err(|error| FileError::Io(path.to_owned(), error))?;
    serde_json::from_slice(&text).map_err(|error| FileError::Content(path.to_owned(), error))
}

/// Writes beside and renames, so that a reader sees all of it or the old one. What is left of a crash is removed and
/// made anew: its mode may be another.
fn write_private(data: &Path, name: &str, content: &impl Serialize) -> Result<(), FileError> {
    let path = data.join(name);
    let draft = data.join(format!(".{name}.draft"));
    let content = serde_json::to_vec_pretty(content).map_err(|error| FileError::Content(path.clone(), error))?;
    let write = || -> io::Result<()> {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&content)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(|error| FileError::Io(path.clone(), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A directory that goes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("eventcenter-{name}-{}", uuid::Uuid::now_v7()));
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn dev_json_is_readable_by_its_owner_alone_even_over_an_old_draft() {
        let Scratch(data) = &Scratch::new("dev-json");
        let kept = Kept::load_or_create(data).unwrap();
        fs::write(data.join(".dev.json.draft"), "half").unwrap();
        fs::set_permissions(data.join(".dev.json.draft"), fs::Permissions::from_mode(0o666)).unwrap();
        let running = Running {
            url: "http://127.0.0.1:8080".parse().unwrap(),
            database_url: Secret::from("postgres://u:hunter2@127.0.0.1/ec".to_owned()),
            service_key: kept.service_key,
            jwt_secret: kept.jwt_secret,
            vapid_public_key: "BP4z9KsN".to_owned(),
        };

        running.write(data).unwrap();

        assert_eq!((mode(&data.join("dev.json")), mode(&data.join("secrets.json"))), (0o600, 0o600));
        assert_eq!(Running::read(data).unwrap().database_url, running.database_url);
        assert!(!format!("{running:?}").contains("hunter2"));
        assert!(!data.join(".dev.json.draft").exists());
    }

    #[test]
    fn secrets_are_made_once_and_kept() {
        let Scratch(data) = &Scratch::new("secrets");

        let [first, second] = [(); 2].map(|()| Kept::load_or_create(data).unwrap());

        assert_eq!(
            (first.service_key, first.jwt_secret, first.vapid_key),
            (second.service_key, second.jwt_secret, second.vapid_key)
        );
    }

    #[test]
    fn a_broken_file_is_named_and_not_replaced() {
        let Scratch(data) = &Scratch::new("broken");
        Kept::load_or_create(data).unwrap();
        fs::write(data.join("secrets.json"), "{").unwrap();

        let error = Kept::load_or_create(data).unwrap_err().to_string();

        assert!(error.contains("secrets.json"), "{error}");
        assert_eq!(fs::read_to_string(data.join("secrets.json")).unwrap(), "{");
    }
}
