//! Standard output: for people by default, JSON where a script wants it.

use std::fmt::Display;
use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

/// How to answer.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Format {
    /// Answer in JSON.
    #[arg(long, help_heading = None::<&str>)]
    pub(super) json: bool,
}

/// One line.
pub(super) fn say(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// One line of JSON.
pub(super) fn say_json(value: &impl Serialize) -> io::Result<()> {
    say(serde_json::to_string(value)?)
}

/// Rows under a head, in columns as wide as their widest cell.
pub(super) fn say_table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    say(line(head))?;
    rows.iter().try_for_each(|row| say(line(row.each_ref().map(String::as_str))))
}
