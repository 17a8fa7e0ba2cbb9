//! Reading reports from a Maildir: new mail is in `new`, and whoever has read it moves it to `cur`.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventcenter_core::tasks::Tasks;
use tokio::fs;
use tokio::io::AsyncReadExt;

use super::{Bounces, REPORT_MAX};

/// Between two looks: nobody waits for a bounce.
const POLL: Duration = Duration::from_secs(2);
/// Reports read in one look. The rest waits for the next.
const LOOK_MAX: usize = 100;

/// Reads what arrives until `tasks` stop. Several processes may read one folder: a report that is read twice says the
/// same twice.
pub async fn run(directory: PathBuf, bounces: Bounces, tasks: Tasks) {
    while !tasks.is_stopping() {
        if let Err(error) = look(&directory, &bounces).await {
            tracing::warn!(directory = %directory.display(), %error, "cannot read the Maildir for bounces");
        }
        tasks.pause(POLL).await;
    }
}

async fn look(directory: &Path, bounces: &Bounces) -> io::Result<()> {
    let mut entries = fs::read_dir(directory.join("new")).await?;
    for _ in 0..LOOK_MAX {
        let Some(entry) = entries.next_entry().await? else { break };
        // Neither a link nor a pipe was put there by a mail server.
        if entry.file_type().await?.is_file() {
            read(directory, &entry.file_name(), bounces).await?;
        }
    }
    Ok(())
}

/// A report that cannot be written down now stays where it is. One that never can be must not keep the others waiting.
async fn read(directory: &Path, name: &OsStr, bounces: &Bounces) -> io::Result<()> {
    let path = directory.join("new").join(name);
    let file = match fs::File::open(&path).await {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut raw = Vec::new();
    file.take(u64::try_from(REPORT_MAX).unwrap_or(u64::MAX)).read_to_end(&mut raw).await?;
    match bounces.receive(&raw).await {
        Ok(_) => {}
        Err(error) if error.is_data() => tracing::warn!(%error, "a report on our mail cannot be written down"),
        Err(error) => return Err(io::Error::other(error)),
    }
    let mut seen = name.to_owned();
    seen.push(":2,S");
    match fs::rename(&path, directory.join("cur").join(seen)).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => Ok(()),
        moved => moved,
    }
}
