//! How long things are kept.

use clap::Args;

/// How long things are kept.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Retention")]
pub struct Retention {
    /// Days to keep events and their attempts; then their partition is dropped.
    ///
    /// At least the inbox days plus 90, the longest schedule. A day in which something is outstanding stays.
    #[arg(long, env = "EVENTCENTER_EVENT_DAYS", value_name = "DAYS", default_value_t = 180)]
    pub event_days: u16,

    /// Days to keep entries of people's inboxes, at least 1. Older ones can be neither listed nor replayed.
    #[arg(
        long,
        env = "EVENTCENTER_INBOX_DAYS",
        value_name = "DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..),
    )]
    pub inbox_days: u16,
}
