//! What the kernel says of processes.

use std::collections::HashSet;
use std::fs;

use crate::Result;
use crate::command::number_after;

/// In which the kernel tells CPU time, whatever its own clock (time(7)).
const TICKS_A_SECOND: f64 = 100.0;

/// Resident memory of a process, in bytes.
pub(crate) fn resident(id: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    Ok(number_after(&status, "VmRSS:")? * 1024.0)
}

/// The same of a process and all that descend from it; what they share is counted once, in shares.
pub(crate) fn resident_together(root: u32) -> Result<f64> {
    let shares = family(root)?.into_iter().map(|one| {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", one.id))?;
        Ok(number_after(&rollup, "\nPss:")? * 1024.0)
    });
    shares.sum()
}

/// CPU time so far of a process and all that descend from it, those that have ended included.
pub(crate) fn cpu_seconds(root: u32) -> Result<f64> {
    let ticks: u32 = family(root)?.iter().map(|one| one.own + one.of_children).sum();
    Ok(f64::from(ticks) / TICKS_A_SECOND)
}

/// CPU time so far of this process alone.
pub(crate) fn own_cpu_seconds() -> Result<f64> {
    let own = Process::read(std::process::id()).ok_or("/proc does not know this process")?.own;
    Ok(f64::from(own) / TICKS_A_SECOND)
}

/// How many files this process may open; what it starts inherits that.
pub(crate) fn files_max() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).ok_or("no limit of open files")?;
    Ok(soft.parse().unwrap_or(usize::MAX))
}

/// A process and all that descend from it.
fn family(root: u32) -> Result<Vec<Process>> {
    let mut processes: Vec<Process> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect();
    let mut family = HashSet::from([root]);
    while processes.iter().any(|one| family.contains(&one.parent) && family.insert(one.id)) {}
    processes.retain(|one| family.contains(&one.id));
    Ok(processes)
}

/// A line of `/proc/ID/stat` (proc(5)).
struct Process {
    id: u32,
    parent: u32,
    /// User and system time of its own, in ticks.
    own: u32,
    /// The same of its ended children.
    of_children: u32,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name stands in parentheses and may contain anything; the numbers follow the last of them.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
        Some(Self { id, parent: number(1)?, own: number(11)? + number(12)?, of_children: number(13)? + number(14)? })
    }
}
