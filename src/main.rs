//! See `eventcenter --help`.

use std::process::ExitCode;

use clap::Parser;
use eventcenter::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
