//! `eventcenter emit`

use std::io::Read;

use clap::Args;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::output::{Format, say, say_json};
use super::{Error, Verdict};
use crate::config::{Client, DevHome};

/// Emit an event over the HTTP API, as a service would.
///
/// Say it in flags, as JSON, or as JSON on standard input (`-`): one event, or an array of up to 500.
/// Exit status 0 only when all of them are stored.
#[derive(Args, Debug)]
pub(super) struct Emit {
    /// The event or events, as in POST /events; `-` reads them from standard input.
    #[arg(value_name = "JSON", required_unless_present = "user_id", conflicts_with = "Fields")]
    events: Option<String>,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    client: Client,
    #[command(flatten)]
    home: DevHome,
    #[command(flatten)]
    format: Format,
}

/// One event in flags. The server checks them, and names what is wrong.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Event")]
struct Fields {
    /// Who should know.
    #[arg(long = "user", value_name = "ID", requires_all = ["kind", "title"])]
    user_id: Option<i64>,
    /// What kind of thing it is, such as job.done.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// One line of at most 256 characters.
    #[arg(long)]
    title: Option<String>,
    /// At most 16 KiB.
    #[arg(long, default_value = "")]
    body: String,
    /// Your own name for it: the same again is the same event.
    #[arg(long)]
    id: Option<String>,
    /// info, warning, error or critical.
    #[arg(long)]
    level: Option<String>,
    /// ws, push, email, comma-separated. Default: what the type says.
    #[arg(long, value_delimiter = ',')]
    channels: Option<Vec<String>>,
    /// The button's text.
    #[arg(long, value_name = "TEXT", requires = "cta_url")]
    cta_label: Option<String>,
    /// Where the button leads: http(s), or a path of the application.
    #[arg(long, value_name = "URL", requires = "cta_label")]
    cta_url: Option<String>,
    /// The event's `data`: your own object, passed through.
    #[arg(long, value_name = "JSON", value_parser = object)]
    event_data: Option<Value>,
    /// Not before: a time with its offset, such as 2026-11-23T09:00:00+03:00.
    #[arg(long, value_name = "TIME")]
    deliver_at: Option<String>,
    /// Not after.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// A newer event of the same key replaces it on a device.
    #[arg(long, value_name = "KEY")]
    collapse_key: Option<String>,
}

impl Fields {
    fn to_json(&self) -> Value {
        let cta = self.cta_label.as_ref().map(|label| json!({"label": label, "url": self.cta_url}));
        let fields = [
            ("user_id", json!(self.user_id)),
            ("type", json!(self.kind)),
            ("title", json!(self.title)),
            ("body", json!(self.body)),
            ("id", json!(self.id)),
            ("level", json!(self.level)),
            ("channels", json!(self.channels)),
            ("cta", json!(cta)),
            ("data", json!(self.event_data)),
            ("deliver_at", json!(self.deliver_at)),
            ("expires_at", json!(self.expires_at)),
            ("collapse_key", json!(self.collapse_key)),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    }
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("must be a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Emit {
    pub(super) async fn run(self) -> Result<Verdict, Error> {
        let api = Api::find(&self.client, &self.home.data)?;
        let body = match self.events.as_deref() {
            None => self.fields.to_json().to_string(),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
            Some(text) => text.to_owned(),
        };
        let (status, answer) = api.post("/events", body).await?;
        if self.format.json {
            say_json(&answer)?;
        } else {
            for line in lines(&answer) {
                say(line)?;
            }
        }
        Ok(if status.is_success() && failures(&answer) == 0 { Verdict::Holds } else { Verdict::DoesNot })
    }
}

/// The results of an array, or the one answer there is.
fn results(answer: &Value) -> &[Value] {
    answer.get("results").and_then(Value::as_array).map_or(std::slice::from_ref(answer), Vec::as_slice)
}

fn failures(answer: &Value) -> usize {
    results(answer).iter().filter(|result| result.get("error").is_some()).count()
}

/// One line an event; a problem document (RFC 9457) has one more for each field.
fn lines(answer: &Value) -> Vec<String> {
    results(answer).iter().flat_map(|result| one(result.get("error").unwrap_or(result))).collect()
}

fn one(result: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(id) = result.get("id").and_then(Value::as_str) {
        let is_duplicate = result.get("duplicate") == Some(&Value::Bool(true));
        return vec![format!("{id}{}", if is_duplicate { "  known already" } else { "" })];
    }
    let errors: Vec<&Value> = result.get("errors").and_then(Value::as_array).into_iter().flatten().collect();
    let detail = if errors.is_empty() { text(result, "detail") } else { String::new() };
    let mut lines = vec![format!("refused: {} {detail}", text(result, "title")).trim_end().to_owned()];
    lines.extend(errors.into_iter().map(|error| format!("  {} {}", text(error, "field"), text(error, "message"))));
    lines
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        emit: Emit,
    }

    fn parse(args: &[&str]) -> Result<Emit, String> {
        let line = Line::try_parse_from([&["emit"], args].concat());
        line.map(|line| line.emit).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_say_what_json_would() {
        let emit = parse(&[
            "--user=42",
            "--type=job.done",
            "--title=Ready",
            "--channels=ws,push",
            "--cta-label=Open",
            "--cta-url=/app",
            r#"--event-data={"n":1}"#,
        ]);

        assert_eq!(
            emit.unwrap().fields.to_json(),
            json!({
                "user_id": 42, "type": "job.done", "title": "Ready", "body": "", "channels": ["ws", "push"],
                "cta": {"label": "Open", "url": "/app"}, "data": {"n": 1},
            })
        );
    }

    #[test]
    fn an_event_is_said_in_one_way() {
        assert_eq!(parse(&["{}"]).unwrap().events.as_deref(), Some("{}"));
        for wrong in [
            &[][..],
            &["--user=42"],
            &["--user=42", "--type=job.done"],
            &["{}", "--user=42", "--type=a", "--title=b"],
            &["--user=42", "--type=a", "--title=b", "--cta-label=c"],
            &["--user=42", "--type=a", "--title=b", "--event-data=[]"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn each_event_of_an_array_has_its_line() {
        let answer = json!({"results": [
            {"index": 0, "id": "evt_1", "duplicate": false},
            {"index": 1, "id": "evt_2", "duplicate": true},
            {"index": 2, "error": {"title": "Invalid event", "errors": [{"field": "title", "message": "is required"}]}},
        ]});

        assert_eq!(lines(&answer), ["evt_1", "evt_2  known already", "refused: Invalid event", "  title is required"]);
        assert_eq!(failures(&answer), 1);
    }
}
