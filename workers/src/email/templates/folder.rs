//! An operator's folder of templates, read whole.
//!
//! ```text
//! layout.html, layout.txt      in place of the built-in ones; further *.html and *.txt can be included
//! TYPE/LOCALE.html, .txt       a type's parts; the text begins with `Subject: …`
//! TYPE/LOCALE.jinja            both parts from one file, with `{% extends layout %}`
//! TYPE+SERVICE/…               the same, where `data.service` is SERVICE
//! TYPE/fixture.json            fields of the sample event that it is tried with: {"data": {"photo": 7}}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::email::facts::is_name;

/// Most files in a folder. More are refused: it is no folder of templates.
const FILES_MAX: usize = 1_000;
/// Largest file, in bytes. A larger one is refused.
const FILE_MAX: u64 = 256 * 1024;
/// The sample's file.
pub(super) const FIXTURE: &str = "fixture.json";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Missing, or not readable.
    #[error("{0} cannot be read: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A file that would never be used: most likely its name is misspelt.
    #[error("{0} is no template: it should be TYPE/LOCALE.html, .txt or .jinja, as in job.done/ru.html")]
    Name(PathBuf),
    /// Too much.
    #[error("{0} is too large: a file may have 256 KiB, a folder 1,000 files")]
    Size(PathBuf),
    /// A fixture that is no event.
    #[error("{0} is no object with fields of an event: {1}")]
    Fixture(PathBuf, #[source] serde_json::Error),
}

/// Files by their names: `layout.html`, `job.done/ru.html`, languages in lower case.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    files: BTreeMap<String, String>,
}

impl Folder {
    pub(super) fn read(path: &Path) -> Result<Self, FolderError> {
        let mut files = BTreeMap::new();
        for file in list(path)? {
            let relative = file.strip_prefix(path).unwrap_or(&file);
            let name = name(relative).ok_or_else(|| FolderError::Name(file.clone()))?;
            let size = fs::metadata(&file).map_err(|error| FolderError::Io(file.clone(), error))?.len();
            if size > FILE_MAX || files.len() >= FILES_MAX {
                return Err(FolderError::Size(file));
            }
            let text = fs::read_to_string(&file).map_err(|error| FolderError::Io(file, error))?;
            files.insert(name, text);
        }
        Ok(Self { path: path.to_owned(), files })
    }

    pub(super) fn templates(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_template = |name: &str| !name.ends_with(FIXTURE);
        self.files.iter().filter(move |(name, _)| is_template(name)).map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The samples: names of templates, and JSON.
    pub(super) fn fixtures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(name, text)| {
            let (folder, file) = name.split_once('/')?;
            (file == FIXTURE).then_some((folder, text.as_str()))
        })
    }
}

/// What tells that a folder has changed: its files, their sizes and times.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Fingerprint {
    /// A folder that cannot be read looks like an empty one until it can.
    pub(super) fn of(path: &Path) -> Self {
        let mut files: Vec<_> = list(path)
            .unwrap_or_default()
            .into_iter()
            .map(|file| {
                let meta = fs::metadata(&file).ok();
                let modified = meta.as_ref().and_then(|meta| meta.modified().ok());
                (file, meta.map_or(0, |meta| meta.len()), modified)
            })
            .collect();
        files.sort_unstable();
        Self(files)
    }
}

/// The files of a folder and of the folders in it. What begins with a dot, and an editor's backup, is none of them.
fn list(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut files = Vec::new();
    for entry in entries(path)? {
        if entry.is_dir() { files.extend(entries(&entry)?) } else { files.push(entry) }
    }
    Ok(files)
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let failed = |error| FolderError::Io(path.to_owned(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".") || name.as_encoded_bytes().ends_with(b"~");
        if !is_hidden {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A file's name as templates know it, or `None` when it would never be used.
fn name(relative: &Path) -> Option<String> {
    let relative = relative.to_str()?;
    let Some((folder, file)) = relative.split_once('/') else {
        let (stem, ending) = relative.rsplit_once('.')?;
        return (is_name(stem) && matches!(ending, "html" | "txt")).then(|| relative.to_owned());
    };
    let (kind, service) = folder.split_once('+').map_or((folder, None), |(kind, service)| (kind, Some(service)));
    if !is_name(kind) || !service.is_none_or(is_name) {
        return None;
    }
    if file == FIXTURE {
        return Some(relative.to_owned());
    }
    let (locale, ending) = file.rsplit_once('.')?;
    let is_template = is_locale(locale) && matches!(ending, "html" | "txt" | "jinja");
    is_template.then(|| format!("{folder}/{}.{ending}", locale.to_ascii_lowercase()))
}

/// A BCP 47 tag as recipients have one.
fn is_locale(locale: &str) -> bool {
    let mut tags = locale.split('-');
    let is_language = |tag: &str| (2..=3).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic());
    tags.next().is_some_and(is_language)
        && tags.all(|tag| (2..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric()))
}
