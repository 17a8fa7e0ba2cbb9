//! What people want to hear of, and when: their own word.

use std::collections::HashMap;

use axum::Json as JsonAnswer;
use axum::extract::State;
use eventcenter_core::delivery::Channel;
use eventcenter_core::id::UserId;
use eventcenter_core::store::{Contact, Digest, QuietHours, Rhythm, Switches};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::form::{Form, is_type};
use super::rhythm::read_rhythm;
use super::{Api, Json, Person};
use crate::problem::{Problem, ProblemDocument};

/// Largest preferences, in bytes. Larger ones are refused.
const PREFERENCES_BYTES_MAX: usize = 32 * 1024;
/// Types that one person may switch. More are refused.
const TYPES_MAX: usize = 200;

/// What a person wants to hear of, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preferences {
    /// Per type, each channel on or off. Switching `system.alert` off on `ws` leaves out all but the critical ones.
    #[schema(value_type = HashMap<String, HashMap<String, bool>>)]
    types: Switches,
    /// Their IANA time zone.
    time_zone: String,
    /// When push and mail wait, except for what is critical.
    quiet_hours: Option<QuietHours>,
    /// Whether their mail is gathered.
    digest: Digest,
    /// From which hour of their day on a digest is sent.
    #[schema(minimum = 0, maximum = 23)]
    digest_hour: i16,
}

/// What to change. What is left out stays as it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: the readers below read the fields")]
pub(super) struct ChangePreferences {
    /// Replaces what is switched: a type or channel that is not mentioned is on.
    types: Option<HashMap<String, HashMap<String, bool>>>,
    time_zone: Option<String>,
    /// Null for none.
    quiet_hours: Option<QuietHours>,
    digest: Option<Digest>,
    #[schema(minimum = 0, maximum = 23)]
    digest_hour: Option<i16>,
}

/// What the person wants to hear of
#[utoipa::path(get, path = "/api/preferences", tag = "preferences",
    security(("user_token" = []), ("user_cookie" = [])),
    responses(
        (status = 200, body = Preferences),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_preferences(
    Person(user_id): Person,
    State(api): State<Api>,
) -> Result<JsonAnswer<Preferences>, Problem> {
    Ok(JsonAnswer(find(&api, user_id).await?))
}

/// Change what the person wants to hear of
#[utoipa::path(put, path = "/api/preferences", tag = "preferences",
    security(("user_token" = []), ("user_cookie" = [])), request_body = ChangePreferences,
    responses(
        (status = 200, description = "What now holds", body = Preferences),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 409, description = "The host keeps time zones, quiet hours and digests, in a view", body = ProblemDocument),
        (status = 413, description = "Larger than 32 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn put_preferences(
    Person(user_id): Person,
    State(api): State<Api>,
    body: Json<PREFERENCES_BYTES_MAX>,
) -> Result<JsonAnswer<Preferences>, Problem> {
    let mut form = Form::from_json(body.value)?;
    let rhythm = read_rhythm(&mut form);
    let types = form.take("types").map(|types| read_switches(&mut form, &types));
    form.finish()?;
    // First, because the host may keep these, and then nothing is to be changed.
    if rhythm != Rhythm::default() {
        api.store.put_rhythm(user_id, &rhythm).await?;
    }
    if let Some(switches) = types {
        api.store.put_switches(user_id, &switches).await?;
    }
    Ok(JsonAnswer(find(&api, user_id).await?))
}

async fn find(api: &Api, user_id: UserId) -> Result<Preferences, Problem> {
    let types = api.store.switches(user_id).await?;
    let contact = api.store.contact(user_id).await?.unwrap_or_default();
    let Contact { time_zone, quiet_hours, digest, digest_hour, .. } = contact;
    Ok(Preferences { types, time_zone, quiet_hours, digest, digest_hour })
}

fn read_switches(form: &mut Form, types: &Value) -> Switches {
    let mut switches = Switches::new();
    let Some(types) = types.as_object().filter(|types| types.len() <= TYPES_MAX) else {
        form.fault("types", "must be an object of at most 200 types, as in {\"job.done\": {\"push\": false}}");
        return switches;
    };
    for (kind, channels) in types {
        let read = channels.as_object().filter(|_| is_type(kind)).and_then(|channels| {
            channels.iter().map(|(channel, is_on)| Some((Channel::parse(channel)?, is_on.as_bool()?))).collect()
        });
        match read {
            Some(channels) => drop(switches.insert(kind.clone(), channels)),
            None => form.fault(&format!("types.{kind}"), "must say true or false for ws, push or email"),
        }
    }
    switches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(types: &Value) -> Vec<String> {
        let mut form = Form::default();
        read_switches(&mut form, types);
        form.finish().err().map_or_else(Vec::new, |problem| problem.errors.into_iter().map(|one| one.field).collect())
    }

    #[test]
    fn every_switch_is_read() {
        let switches = read_switches(&mut Form::default(), &json!({"job.done": {"ws": true, "push": false}, "x": {}}));

        assert_eq!(serde_json::to_value(switches).unwrap(), json!({"job.done": {"ws": true, "push": false}, "x": {}}));
    }

    #[test]
    fn a_wrong_switch_is_named_by_its_type() {
        for (types, field) in [
            (json!({"job.done": {"sms": true}}), "types.job.done"),
            (json!({"job.done": {"ws": "no"}}), "types.job.done"),
            (json!({"job.done": false}), "types.job.done"),
            (json!({"Job Done": {"ws": false}}), "types.Job Done"),
            (json!([]), "types"),
            ((0..=TYPES_MAX).map(|n| (format!("t{n}"), json!({}))).collect(), "types"),
        ] {
            assert_eq!(faults(&types), [field], "{types}");
        }
    }
}
