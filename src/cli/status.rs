//! `eventcenter status`

use clap::Args;
use eventcenter_core::event::{Event, PublicId};
use eventcenter_core::store::{Attempt, DeliveryState};
use serde_json::json;

use super::output::{Format, say, say_json};
use super::target::Target;
use super::{Error, Verdict};

/// Show where each delivery of an event stands, and what was tried.
#[derive(Args, Debug)]
pub(super) struct Status {
    /// The event: evt_…, or its producer's own id.
    id: String,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

impl Status {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        let store = self.target.store()?;
        let Some(planned) = store.find_event(&PublicId::parse(&self.id)).await? else {
            return Err(Error::Impossible(format!("no event is called {}", self.id)));
        };
        let deliveries = store.deliveries_of(planned.event.id).await?;
        if self.format.json {
            say_json(&json!({"event": planned, "deliveries": deliveries}))?;
        } else {
            show(&planned.event, &deliveries)?;
        }
        Ok(Verdict::Holds)
    }
}

fn show(event: &Event, deliveries: &[DeliveryState]) -> Result<(), Error> {
    say(format_args!("{}  {}  for user {}  at {:.0}", event.public_id(), event.kind, event.user_id, event.created_at))?;
    say(format_args!("  {}", event.title))?;
    for delivery in deliveries {
        let reason = delivery.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
        let seq = delivery.seq.map_or_else(String::new, |seq| format!("  seq {seq}"));
        let due = delivery.due_at.map_or_else(String::new, |due| format!("  due {due:.0}"));
        let clicked = delivery.clicked_at.map_or_else(String::new, |at| format!("  clicked {at:.0}"));
        say(format_args!("{:<6} {}{reason}{seq}{due}{clicked}", delivery.channel, delivery.state))?;
        for attempt in &delivery.attempts {
            say(format_args!("       {}", line(attempt)))?;
        }
    }
    Ok(())
}

fn line(attempt: &Attempt) -> String {
    let took = attempt.duration_ms.map(|ms| format!("{ms} ms"));
    let details = [attempt.reason.clone(), attempt.provider_code.clone(), Some(attempt.target.clone()), took];
    let details: Vec<String> = details.into_iter().flatten().filter(|detail| !detail.is_empty()).collect();
    format!("{:.3}  try {}  {}  {}", attempt.at, attempt.attempt, attempt.outcome, details.join("  "))
}
