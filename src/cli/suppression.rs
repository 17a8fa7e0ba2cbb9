//! `eventcenter suppression`

use clap::{ArgGroup, Args, Subcommand};
use eventcenter_core::id::UserId;
use eventcenter_core::store::{
    NewSuppression, SCOPE_ALL, Suppressed, Suppression, SuppressionFilter, SuppressionReason,
};

use super::output::{Format, say, say_json, say_table};
use super::target::Target;
use super::{Error, Verdict};

/// Manage where no mail may go.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List suppressions, oldest first.
    List(List),
    /// Let no mail go to an address, or to a person whatever their address.
    Add(Add),
    /// Let mail go again.
    Remove(Remove),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Of this address, in whatever case.
    #[arg(long)]
    address: Option<String>,
    /// Of this person.
    #[arg(long = "user", value_name = "ID")]
    user_id: Option<UserId>,
    /// For this reason: bounce, complaint, manual or unsubscribe.
    #[arg(long, value_parser = reason)]
    reason: Option<SuppressionReason>,
    /// With higher numbers than this one: where the list before ended.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("who").args(["address", "user_id"]).required(true))]
pub(super) struct Add {
    /// Whoever has this address.
    #[arg(long)]
    address: Option<String>,
    /// This person.
    #[arg(long = "user", value_name = "ID")]
    user_id: Option<UserId>,
    /// Of this type of events alone.
    #[arg(long, value_name = "TYPE", default_value = SCOPE_ALL)]
    scope: String,
    /// Why: bounce, complaint, manual or unsubscribe.
    #[arg(long, value_parser = reason, default_value = "manual")]
    reason: SuppressionReason,
    /// What there is to say about it.
    #[arg(long, value_name = "TEXT")]
    detail: Option<String>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
pub(super) struct Remove {
    /// Its number in `eventcenter suppression list`.
    id: i64,
    #[command(flatten)]
    target: Target,
}

fn reason(name: &str) -> Result<SuppressionReason, String> {
    SuppressionReason::parse(name).ok_or_else(|| "must be bounce, complaint, manual or unsubscribe".to_owned())
}

impl Command {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        match self {
            Self::List(list) => list.run().await,
            Self::Add(add) => add.run().await,
            Self::Remove(remove) => remove.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Verdict, Error> {
        let Self { address, user_id, reason, after, limit, format, target } = self;
        let filter = SuppressionFilter { address, user_id, reason, after };
        let suppressions = target.store()?.suppressions(&filter, limit).await?;
        if format.json {
            say_json(&suppressions)?;
        } else {
            let rows: Vec<[String; 6]> = suppressions.into_iter().map(row).collect();
            say_table(["ID", "WHO", "SCOPE", "REASON", "SINCE", "DETAIL"], &rows)?;
        }
        Ok(Verdict::Holds)
    }
}

fn row(one: Suppression) -> [String; 6] {
    let person = || one.user_id.map(|id| format!("user {id}")).unwrap_or_default();
    let who = one.address.unwrap_or_else(person);
    [one.id.to_string(), who, one.scope, one.reason, format!("{:.0}", one.created_at), one.detail.unwrap_or_default()]
}

impl Add {
    async fn run(self) -> Result<Verdict, Error> {
        let who = self.address.as_deref().map(Suppressed::Address).or(self.user_id.map(Suppressed::Person));
        let who = who.ok_or_else(|| Error::Impossible("nobody is named: --address or --user".to_owned()))?;
        let (scope, reason, detail) = (self.scope.as_str(), self.reason, self.detail.as_deref());
        let suppression = self.target.store()?.suppress(NewSuppression { who, scope, reason, detail }).await?;
        if self.format.json {
            say_json(&suppression)?;
        } else {
            say(format_args!("suppression {}", suppression.id))?;
        }
        Ok(Verdict::Holds)
    }
}

impl Remove {
    async fn run(self) -> Result<Verdict, Error> {
        if self.target.store()?.lift_suppression(self.id).await? {
            say(format_args!("suppression {} is lifted", self.id))?;
            return Ok(Verdict::Holds);
        }
        Err(Error::Impossible(format!("no suppression has the number {}: see `eventcenter suppression list`", self.id)))
    }
}
