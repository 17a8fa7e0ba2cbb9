//! `eventcenter dead`

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use eventcenter_core::delivery::Channel;
use eventcenter_core::event::PublicId;
use eventcenter_core::id::UserId;
use eventcenter_core::store::{EndedDelivery, EndedFilter, Store};

use super::output::{Format, say, say_json, say_table};
use super::target::Target;
use super::{Error, Verdict};

/// Deliveries put back by one statement, so that none holds its locks for long.
const BATCH: i32 = 500;

/// List and redrive deliveries that ended badly.
#[derive(Debug, Subcommand)]
pub(super) enum Dead {
    /// List them, oldest first.
    List(List),
    /// Put them back to work, oldest first. Each starts a new retry schedule.
    Redrive(Redrive),
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Which")]
struct Filter {
    /// How it ended.
    #[arg(long, value_name = "STATE", value_enum, default_value_t = Ended::Dead)]
    state: Ended,
    /// On this channel: push or email.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    /// Of events of this type.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// For this person.
    #[arg(long = "user", value_name = "ID")]
    user_id: Option<UserId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ended {
    /// All tries were in vain.
    Dead,
    /// The provider refused it for good.
    Failed,
}

fn channel(name: &str) -> Result<Channel, String> {
    Channel::parse(name).ok_or_else(|| "must be ws, push or email".to_owned())
}

impl Filter {
    fn as_stored(&self) -> EndedFilter<'_> {
        EndedFilter {
            state: match self.state {
                Ended::Dead => "dead",
                Ended::Failed => "failed",
            },
            channel: self.channel.map(Channel::as_str),
            kind: self.kind.as_deref(),
            user_id: self.user_id,
            event_id: None,
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").args(["channel", "kind", "user_id", "event", "all"]).required(true).multiple(true))]
pub(super) struct Redrive {
    #[command(flatten)]
    filter: Filter,
    /// Of this event.
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Whatever ended so: the one way to name no channel, type, person or event.
    #[arg(long, conflicts_with_all = ["channel", "kind", "user_id", "event"])]
    all: bool,
    /// At most so many; run it again for the rest.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(i32).range(1..))]
    limit: i32,
    #[command(flatten)]
    target: Target,
}

impl Dead {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        match self {
            Self::List(list) => list.run().await,
            Self::Redrive(redrive) => redrive.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Verdict, Error> {
        let ended = self.target.store()?.ended_deliveries(&self.filter.as_stored(), None, self.limit).await?;
        if self.format.json {
            say_json(&ended)?;
        } else {
            let rows: Vec<[String; 6]> = ended.into_iter().map(row).collect();
            say_table(["EVENT", "USER", "TYPE", "CHANNEL", "TRIES", "WHY"], &rows)?;
        }
        Ok(Verdict::Holds)
    }
}

fn row(one: EndedDelivery) -> [String; 6] {
    let why: Vec<String> = [one.reason, one.provider_code].into_iter().flatten().collect();
    [one.event_id, one.user_id.to_string(), one.kind, one.channel, one.attempts.to_string(), why.join(": ")]
}

impl Redrive {
    async fn run(self) -> Result<Verdict, Error> {
        let store = self.target.store()?;
        let mut filter = self.filter.as_stored();
        if let Some(name) = &self.event {
            let found = store.find_event(&PublicId::parse(name)).await?;
            let found = found.ok_or_else(|| Error::Impossible(format!("no event is called {name}")))?;
            filter.event_id = Some(found.event.id);
        }
        let redriven = redrive(&store, &filter, self.limit).await?;
        say(format_args!("{redriven} redriven"))?;
        Ok(Verdict::Holds)
    }
}

async fn redrive(store: &Store, filter: &EndedFilter<'_>, limit: i32) -> Result<i32, Error> {
    let mut redriven = 0;
    while redriven < limit {
        let batch = BATCH.min(limit - redriven);
        let done = i32::try_from(store.redrive(filter, batch).await?).unwrap_or(batch);
        redriven += done;
        if done < batch {
            break;
        }
    }
    Ok(redriven)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        dead: Dead,
    }

    fn parse(args: &[&str]) -> Result<Dead, String> {
        Line::try_parse_from([&["dead"], args].concat()).map(|line| line.dead).map_err(|error| error.to_string())
    }

    #[test]
    fn a_redrive_names_what_it_means() {
        for right in
            [&["redrive", "--all"][..], &["redrive", "--channel=push", "--user=42"], &["redrive", "--event=evt_1"]]
        {
            assert!(parse(right).is_ok(), "{right:?}");
        }
        for wrong in [
            &["redrive"][..],
            &["redrive", "--all", "--user=42"],
            &["redrive", "--channel=sms"],
            &["redrive", "--user=0"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn flags_become_the_filter_of_the_store() {
        let Ok(Dead::List(list)) =
            parse(&["list", "--state=failed", "--channel=email", "--type=job.done", "--user=42"])
        else {
            panic!("a listing is understood");
        };

        let filter = list.filter.as_stored();

        assert_eq!((filter.state, filter.channel, filter.kind), ("failed", Some("email"), Some("job.done")));
        assert_eq!(filter.user_id, UserId::new(42));
    }
}
