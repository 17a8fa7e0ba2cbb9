//! What the engine takes when it has nothing to do: one `eventcenter dev`, with its own Postgres.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::command::command;
use crate::engine::{LOOK, terminate};
use crate::processes::{cpu_seconds, resident};
use crate::report::{Row, Target};
use crate::{Args, Result};

/// An engine that has not written `dev.json` by then has failed: it makes a database first.
const START: Duration = Duration::from_mins(1);
/// What a start leaves to be done is done by then.
const SETTLE: Duration = Duration::from_secs(10);
/// How long idleness is watched.
const WATCH: Duration = Duration::from_secs(20);

pub(crate) async fn measure(args: &Args) -> Result<Vec<Row>> {
    let data = std::env::temp_dir().join(format!("eventcenter-idle-{}", std::process::id()));
    let measured = measure_in(args, &data).await;
    fs::remove_dir_all(&data).ok();
    let (megabytes, percent) = measured?;
    Ok(vec![
        Row::alone("idle, memory of the process", " MB", megabytes, Target::AtMost(40.0)),
        Row::alone("idle, CPU with Postgres", " %", percent, Target::AtMost(1.0)),
    ])
}

/// Resident memory in MB, and per cent of a core.
async fn measure_in(args: &Args, data: &Path) -> Result<(f64, f64)> {
    let mut dev = command(&args.engine);
    dev.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("EVENTCENTER_LOG", "warn");
    let mut dev = dev.stdout(std::process::Stdio::null()).spawn()?;
    let id = dev.id().ok_or("it has ended")?;
    let began = Instant::now();
    while !data.join("dev.json").exists() {
        if let Some(status) = dev.try_wait()? {
            return Err(format!("`{} dev` ended with {status}", args.engine.display()).into());
        }
        if began.elapsed() > START {
            return Err(format!("`{} dev` does not start", args.engine.display()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(SETTLE).await;
    let (before, began) = (cpu_seconds(id)?, Instant::now());
    tokio::time::sleep(WATCH).await;
    let percent = 100.0 * (cpu_seconds(id)? - before) / began.elapsed().as_secs_f64();
    let megabytes = resident(id)? / 1e6;
    terminate(&mut dev).await?;
    Ok((megabytes, percent))
}
