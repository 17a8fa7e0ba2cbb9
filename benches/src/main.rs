//! `make bench`: what the engine promises about speed, measured beside its peers.
//!
//! Everything runs on one private Postgres with its defaults (fsync on), in one run, and contenders take turns, so that
//! what slows one slows all. Ratios count, not rates: two cores carry the load generator as well.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report for a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

mod audience;
mod command;
mod crowd;
mod drain;
mod emit;
mod engine;
mod fan_out;
mod frames;
mod idle;
mod inserts;
mod latency;
mod mail;
mod peers;
mod processes;
mod push;
mod report;
mod server;
mod sessions;
mod sink;
mod storm;
mod stuck;

use report::{Report, Row};
use server::Server;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Single emits over 64 connections.
    Emit,
    /// 200,000 no-op deliveries.
    Drain,
    /// Direct inserts over 32 connections, and how soon they are seen.
    Inserts,
    /// One process and its Postgres with nothing to do.
    Idle,
    /// One prepared mail over 4 connections, into Postfix's smtp-sink.
    Mail,
    /// Web Push to one service, encrypted and signed.
    Push,
    /// 100,000 browsers of 5 push services, two of which do not work.
    Crowd,
    /// What an idle session takes of one node's memory.
    Sessions,
    /// From commit to frame, 1,000 times a second to 10,000 people.
    Latency,
    /// Frames a second of one node.
    FanOut,
    /// 10,000 sessions that are cut at once.
    Storm,
    /// 1,000 clients that stop reading.
    Stuck,
}

impl Part {
    const ALL: [Self; 12] = [
        Self::Emit,
        Self::Drain,
        Self::Inserts,
        Self::Idle,
        Self::Mail,
        Self::Push,
        Self::Crowd,
        Self::Sessions,
        Self::Latency,
        Self::FanOut,
        Self::Storm,
        Self::Stuck,
    ];
}

/// Measures the engine beside its peers. Exit status 0 when every target is reached.
#[derive(Debug, Parser)]
struct Args {
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::ALL)]
    only: Vec<Part>,
    /// Each contender runs so often; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Seconds of a round, where the load is not a fixed number.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// The binary under test.
    #[arg(long, default_value = "target/release/eventcenter")]
    engine: PathBuf,
    /// What `benches/run` has unpacked of Postfix.
    #[arg(long, default_value = "target/bench-postfix")]
    postfix: PathBuf,
    /// A Python that has what `peers/requirements.txt` lists.
    #[arg(long, default_value = ".venv-bench/bin/python")]
    python: PathBuf,
    /// The web-push crate's own program.
    #[arg(long, default_value = "target/bench-web-push/release/web-push-bench")]
    web_push: PathBuf,
    /// This package's directory, with the peers installed.
    #[arg(long, default_value = "benches")]
    home: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Args::parse()).await {
        Ok(report) => {
            print!("\n{report}");
            if report.all_reached() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args) -> Result<Report> {
    let server = Server::start().await?;
    let fsyncs = server::fsyncs_a_second(Duration::from_secs(1))?;
    println!("Postgres {}; this disk does {fsyncs:.0} fsyncs/s of 8 KiB; rounds: {}", server.version(), args.rounds);
    let mut report = Report::default();
    for part in &args.only {
        println!("measuring: {part:?}");
        let rows = match part {
            Part::Emit => emit::measure(args, &server).await,
            Part::Drain => drain::measure(args, &server).await,
            Part::Inserts => inserts::measure(args, &server).await,
            Part::Idle => idle::measure(args).await,
            Part::Mail => mail::measure(args).await,
            Part::Push => push::measure(args, &server).await,
            Part::Crowd => crowd::measure(args, &server).await,
            Part::Sessions => sessions::measure(args, &server).await,
            Part::Latency => latency::measure(args, &server).await,
            Part::FanOut => fan_out::measure(args, &server).await,
            Part::Storm => storm::measure(args, &server).await,
            Part::Stuck => stuck::measure(args, &server).await,
        };
        report.extend(rows.unwrap_or_else(|error| vec![Row::failed(format!("{part:?}"), error.to_string())]));
    }
    server.stop().await?;
    Ok(report)
}
