//! A person's inbox.

use axum::Json as JsonAnswer;
use axum::extract::State;
use eventcenter_core::event::PublicId;
use eventcenter_core::id::Seq;
use eventcenter_core::store::{InboxEntry, InboxFilter, InboxPage, InboxQuery, Mark, Marked, Sweep};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::extract::Segment;
use super::form::Form;
use super::{Api, Json, Person};
use crate::problem::{Problem, ProblemDocument};

/// Entries that one request may name. More are refused.
const IDS_MAX: usize = 500;
/// Longest id, in characters: that of a producer's own.
const ID_MAX: usize = 255;
/// Longest name of a service, in characters. A longer one is refused.
const SERVICE_MAX: usize = 64;
/// Largest list of ids, in bytes: 500 of 255 characters of four bytes. A larger one is refused.
const MARKS_BYTES_MAX: usize = 512 * 1024;

/// A part of an inbox, and the counts of the same instant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Inbox {
    /// Newest first. What came back from a snooze stands where it came back.
    entries: Vec<InboxEntry>,
    /// What to pass as `before` for the next part; null at the end. A part may be short although there is more.
    next: Option<String>,
    /// Where the stream ends: what to pass as `after` to `/ws`.
    #[schema(value_type = i64)]
    last_seq: Seq,
    /// Entries that are neither read, nor archived, nor snoozed.
    unread_count: i64,
    /// Of those, the ones that were never shown.
    unseen_count: i64,
}

/// Which entries to mark: `ids`, or `up_to_seq` for seen, read and archive.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: Request reads the fields")]
pub(super) struct MarkRequest {
    /// Events by their ids. Those that are not in the inbox are left out.
    #[schema(min_items = 1, max_items = 500)]
    ids: Option<Vec<String>>,
    /// Whatever stands at this number or below it, unless it is archived or snoozed.
    #[schema(minimum = 0)]
    up_to_seq: Option<i64>,
    /// When a snooze ends, within 90 days; required for a snooze alone.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// What a mark came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MarkResult {
    /// Entries that were not so before.
    changed: i64,
    /// As in the inbox, after it.
    unread_count: i64,
    /// As in the inbox, after it.
    unseen_count: i64,
}

/// One's inbox, newest first, with exact counts
#[utoipa::path(get, path = "/api/inbox", tag = "inbox", security(("user_token" = []), ("user_cookie" = [])),
    params(
        ("before" = Option<String>, Query, description = "The `next` of the part before"),
        ("limit" = Option<u16>, Query, description = "At most so many; 50 unless given", minimum = 1, maximum = 500),
        ("filter" = Option<String>, Query, description = "`all` (what is neither archived nor snoozed) unless given, \
            `unread`, `archived` or `snoozed`"),
        ("service" = Option<String>, Query, description = "With this `data.service` (or `data.source_service`) alone"),
        ("type" = Option<String>, Query, description = "Of this type alone"),
    ),
    responses(
        (status = 200, body = Inbox),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn list_inbox(
    Person(user_id): Person,
    State(api): State<Api>,
    mut form: Form,
) -> Result<JsonAnswer<Inbox>, Problem> {
    let query = InboxQuery {
        filter: form.text("filter", "must be all, unread, archived or snoozed", InboxFilter::parse).unwrap_or_default(),
        kind: form.kind(),
        service: form.text("service", "must be a name of 1 to 64 characters", |text| {
            let is_name = (1..=SERVICE_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            is_name.then(|| text.to_owned())
        }),
        before: form.text("before", "must be the next of an earlier part", |text| text.parse().ok()),
        limit: form.limit(),
    };
    form.finish()?;
    let InboxPage { entries, next, last_seq, unread, unseen } = api.store.inbox(user_id, &query).await?;
    let next = next.map(|cursor| cursor.to_string());
    Ok(JsonAnswer(Inbox { entries, next, last_seq, unread_count: unread, unseen_count: unseen }))
}

/// Mark entries of one's inbox, and tell one's other sessions
#[utoipa::path(post, path = "/api/inbox/{mark}", tag = "inbox",
    security(("user_token" = []), ("user_cookie" = [])), request_body = MarkRequest,
    params(("mark" = String, Path, description = "`seen`, `read` (and so seen), `unread`, `archive`, `unarchive`, \
        `snooze` or `unsnooze`. When a snooze ends, the entry is back on top, unread.")),
    responses(
        (status = 200, body = MarkResult),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No user token", body = ProblemDocument),
        (status = 403, description = "A cookie from a foreign page", body = ProblemDocument),
        (status = 404, description = "No such mark", body = ProblemDocument),
        (status = 413, description = "Larger than 512 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn mark_inbox(
    Person(user_id): Person,
    State(api): State<Api>,
    Segment(mark): Segment,
    body: Json<MARKS_BYTES_MAX>,
) -> Result<JsonAnswer<MarkResult>, Problem> {
    let marked = match Request::read(&mark, Form::from_json(body.value)?)? {
        Request::Entries(mark, names) => api.store.mark_entries(user_id, mark, &names).await?,
        Request::UpTo(sweep, seq) => api.store.mark_up_to(user_id, sweep, seq).await?,
    };
    let Marked { changed, unread, unseen } = marked;
    Ok(JsonAnswer(MarkResult { changed, unread_count: unread, unseen_count: unseen }))
}

/// What to mark, and how.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Entries(Mark, Vec<PublicId>),
    UpTo(Sweep, Seq),
}

impl Request {
    fn read(name: &str, mut form: Form) -> Result<Self, Problem> {
        let mark = match name {
            "seen" => Some(Mark::Seen),
            "read" => Some(Mark::Read),
            "unread" => Some(Mark::Unread),
            "archive" => Some(Mark::Archive),
            "unarchive" => Some(Mark::Unarchive),
            "snooze" => read_until(&mut form).map(Mark::Snooze),
            "unsnooze" => Some(Mark::Unsnooze),
            _ => return Err(Problem::not_found("mark")),
        };
        // Where no sweep is possible, up_to_seq is left over, like any field that is not known.
        let sweep = mark.and_then(Mark::as_sweep).filter(|_| form.has("up_to_seq"));
        let request = if let Some(sweep) = sweep {
            if form.take("ids").is_some() {
                form.fault("ids", "contradicts up_to_seq: leave one of them out");
            }
            read_seq(&mut form).map(|seq| Self::UpTo(sweep, seq))
        } else {
            let names = read_ids(&mut form);
            mark.zip(names).map(|(mark, names)| Self::Entries(mark, names))
        };
        form.finish()?;
        request.ok_or_else(|| Problem::field("body", "is not complete"))
    }
}

fn read_until(form: &mut Form) -> Option<Timestamp> {
    let rule = "must be a time with its offset, as in 2026-11-23T09:00:00+03:00 (RFC 3339)";
    // Postgres cannot read every year that we can.
    let until = form.text("until", rule, |text| text.parse().ok().filter(|until| *until > Timestamp::UNIX_EPOCH));
    form.require("until", until)
}

fn read_seq(form: &mut Form) -> Option<Seq> {
    let seq = form.take("up_to_seq").as_ref().and_then(Value::as_i64).filter(|seq| *seq >= 0).map(Seq);
    if seq.is_none() {
        form.fault("up_to_seq", "must be an integer from 0 to 9223372036854775807");
    }
    seq
}

fn read_ids(form: &mut Form) -> Option<Vec<PublicId>> {
    let name = |id: &Value| {
        let text = id.as_str().filter(|text| (1..=ID_MAX).contains(&text.chars().count()));
        text.filter(|text| !text.chars().any(char::is_control)).map(PublicId::parse)
    };
    let ids = form.take("ids");
    let names: Option<Vec<PublicId>> = ids.as_ref().and_then(|ids| ids.as_array()?.iter().map(name).collect());
    let names = names.filter(|names| (1..=IDS_MAX).contains(&names.len()));
    if ids.is_some() && names.is_none() {
        form.fault("ids", "must be 1 to 500 ids of events");
    }
    form.require("ids", names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, body: Value) -> Result<Request, Vec<String>> {
        let read = Request::read(name, Form::from_json(body).unwrap());
        read.map_err(|problem| problem.errors.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn entries_are_named_by_their_ids_or_by_the_last_of_them() {
        let names = vec![PublicId::Key("photo-7".to_owned())];

        assert_eq!(read("read", json!({"ids": ["photo-7"]})), Ok(Request::Entries(Mark::Read, names)));
        assert_eq!(read("archive", json!({"up_to_seq": 7})), Ok(Request::UpTo(Sweep::Archive, Seq(7))));
    }

    #[test]
    fn whatever_is_wrong_with_a_mark_is_named() {
        let until = "2026-11-23T09:00:00Z";
        for (name, body, fields) in [
            ("read", json!({}), vec!["ids"]),
            ("read", json!({"ids": []}), vec!["ids"]),
            ("read", json!({"ids": "photo-7"}), vec!["ids"]),
            ("read", json!({"ids": [7]}), vec!["ids"]),
            ("read", json!({"ids": ["a\0b"]}), vec!["ids"]),
            ("read", json!({"ids": ["x".repeat(256)]}), vec!["ids"]),
            ("read", json!({"ids": vec!["a"; 501]}), vec!["ids"]),
            ("read", json!({"ids": ["a"], "up_to_seq": 7}), vec!["ids"]),
            ("read", json!({"ids": ["a"], "until": until}), vec!["until"]),
            ("seen", json!({"up_to_seq": -1}), vec!["up_to_seq"]),
            ("seen", json!({"up_to_seq": "7"}), vec!["up_to_seq"]),
            ("unread", json!({"up_to_seq": 7}), vec!["ids", "up_to_seq"]),
            ("snooze", json!({"ids": ["a"]}), vec!["until"]),
            ("snooze", json!({"ids": ["a"], "until": "tomorrow"}), vec!["until"]),
            ("snooze", json!({"up_to_seq": 7, "until": until}), vec!["ids", "up_to_seq"]),
        ] {
            assert_eq!(read(name, body.clone()).unwrap_err(), fields, "{name} {body}");
        }
        assert!(read("shred", json!({"ids": ["a"]})).unwrap_err().is_empty());
    }
}
