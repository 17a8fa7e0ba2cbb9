//! `eventcenter audit`

use std::time::Duration;

use clap::Args;

use super::output::{Format, say, say_json, say_table};
use super::target::Target;
use super::{Error, Verdict};
use crate::config::duration;

/// Count that every planned delivery is in exactly one place: planned = waiting + leased + settled.
///
/// One statement, so one snapshot: it may run at any time, beside any load. Exit status 1 when a delivery is astray.
#[derive(Args, Debug)]
pub(super) struct Audit {
    /// How far back to look: less than the inbox is kept, since entries that left it cannot be counted.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    since: Duration,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

impl Audit {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        let books = self.target.store()?.audit(Some(self.since)).await?;
        let astray: i64 = books.iter().map(|row| row.astray).sum();
        if self.format.json {
            say_json(&books)?;
        } else {
            let rows: Vec<[String; 6]> = books
                .into_iter()
                .map(|row| {
                    let counts = [row.planned, row.waiting, row.leased, row.settled, row.astray];
                    let [planned, waiting, leased, settled, astray] = counts.map(|count| count.to_string());
                    [row.channel, planned, waiting, leased, settled, astray]
                })
                .collect();
            say_table(["CHANNEL", "PLANNED", "WAITING", "LEASED", "SETTLED", "ASTRAY"], &rows)?;
            say(if astray == 0 { "the books balance".to_owned() } else { format!("{astray} deliveries are astray") })?;
        }
        Ok(if astray == 0 { Verdict::Holds } else { Verdict::DoesNot })
    }
}
