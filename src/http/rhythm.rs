//! When a person wants to be told, as services and people write it.

use eventcenter_core::store::{Digest, QuietHours, Rhythm};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::form::Form;

const QUIET_HOURS: &str = r#"must be null or {"from": "22:00", "to": "08:00"}: two different times of day"#;

/// Takes the fields out of a form. What is not given stays `None`.
pub(super) fn read_rhythm(form: &mut Form) -> Rhythm {
    let time_zone = form.text("time_zone", "must be an IANA time zone, as in Europe/Moscow", |text| {
        TimeZone::get(text).ok()?.iana_name().map(str::to_owned)
    });
    let is_given = form.is_given("quiet_hours");
    let quiet_hours = form.value("quiet_hours", QUIET_HOURS, quiet_hours);
    let digest = form.text("digest", "must be off, daily or weekly", Digest::parse);
    let digest_hour = form.value("digest_hour", "must be an integer from 0 to 23", |value| {
        value.as_i64().and_then(|hour| i16::try_from(hour).ok()).filter(|hour| (0..24).contains(hour))
    });
    Rhythm { time_zone, quiet_hours: is_given.then_some(quiet_hours), digest, digest_hour }
}

fn quiet_hours(value: &Value) -> Option<QuietHours> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let time = |field: &str| fields.get(field)?.as_str().filter(|text| is_time(text)).map(str::to_owned);
    let (from, to) = (time("from")?, time("to")?);
    (from != to).then_some(QuietHours { from, to })
}

/// Exactly `HH:MM`.
fn is_time(text: &str) -> bool {
    text.len() == 5 && Time::strptime("%H:%M", text).is_ok_and(|time| time.strftime("%H:%M").to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::problem::Problem;

    fn read(json: Value) -> Result<Rhythm, Vec<String>> {
        let mut form = Form::from_json(json).unwrap();
        let rhythm = read_rhythm(&mut form);
        let faults = |problem: Problem| problem.errors.into_iter().map(|fault| fault.field).collect();
        form.finish().map(|()| rhythm).map_err(faults)
    }

    #[test]
    fn what_is_not_given_stays_and_null_ends_quiet_hours() {
        assert_eq!(read(json!({})), Ok(Rhythm::default()));
        let none = Rhythm { quiet_hours: Some(None), ..Rhythm::default() };
        assert_eq!(read(json!({"quiet_hours": null})), Ok(none));
        let hours = QuietHours { from: "22:00".to_owned(), to: "08:00".to_owned() };
        let rhythm = read(json!({"quiet_hours": {"from": "22:00", "to": "08:00"}})).unwrap();
        assert_eq!(rhythm.quiet_hours, Some(Some(hours)));
    }

    #[test]
    fn quiet_hours_are_two_times_of_day() {
        for wrong in [
            json!("22:00-08:00"),
            json!({"from": "22:00"}),
            json!({"from": "22:00", "to": "22:00"}),
            json!({"from": "24:00", "to": "08:00"}),
            json!({"from": "9:00", "to": "10:00"}),
            json!({"from": " 9:00", "to": "10:00"}),
            json!({"from": "22:00", "to": "08:00", "on": "monday"}),
            json!({"from": 22, "to": 8}),
        ] {
            assert_eq!(read(json!({"quiet_hours": wrong})), Err(vec!["quiet_hours".to_owned()]), "{wrong}");
        }
    }

    #[test]
    fn a_digest_comes_at_an_hour_of_the_day() {
        let rhythm = read(json!({"digest": "weekly", "digest_hour": 0})).unwrap();

        assert_eq!((rhythm.digest, rhythm.digest_hour), (Some(Digest::Weekly), Some(0)));
        for wrong in [json!({"digest": "hourly"}), json!({"digest_hour": 24}), json!({"digest_hour": "9"})] {
            assert_eq!(read(wrong.clone()).unwrap_err().len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_time_zone_is_one_that_exists() {
        assert_eq!(read(json!({"time_zone": "Europe/Moscow"})).unwrap().time_zone.as_deref(), Some("Europe/Moscow"));
        for wrong in ["../../etc/passwd", "+03:00", "", "Europe", "Mars/Base"] {
            assert_eq!(read(json!({"time_zone": wrong})), Err(vec!["time_zone".to_owned()]), "{wrong:?}");
        }
    }
}
