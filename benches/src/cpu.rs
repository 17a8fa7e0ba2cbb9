//! CPU time, as the kernel tells it.

use std::collections::HashSet;
use std::fs;

use crate::Result;

/// In which the kernel tells CPU time, whatever its own clock (time(7)).
const TICKS_A_SECOND: f64 = 100.0;

/// A line of `/proc/ID/stat` (proc(5)).
struct Process {
    id: u32,
    parent: u32,
    /// User and system time of its own, in ticks.
    own: u32,
    /// The same of its ended children.
    children: u32,
}

/// CPU time so far of this process alone, in seconds.
pub(crate) fn own_seconds() -> Result<f64> {
    let own = Process::read(std::process::id()).ok_or("/proc does not know this process")?.own;
    Ok(f64::from(own) / TICKS_A_SECOND)
}

/// CPU time so far of a process and all that descend from it, those that have ended included, in seconds.
pub(crate) fn family_seconds(root: u32) -> Result<f64> {
    let processes: Vec<Process> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect();
    let mut family = HashSet::from([root]);
    while processes.iter().any(|one| family.contains(&one.parent) && family.insert(one.id)) {}
    let ticks: u32 = processes.iter().filter(|one| family.contains(&one.id)).map(|one| one.own + one.children).sum();
    Ok(f64::from(ticks) / TICKS_A_SECOND)
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name stands in parentheses and may contain anything; the numbers follow the last of them.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
        Some(Self { id, parent: number(1)?, own: number(11)? + number(12)?, children: number(13)? + number(14)? })
    }
}
