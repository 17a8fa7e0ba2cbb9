//! Reading a few named texts, from a query or a small JSON object, with everything that is wrong named at once.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use eventcenter_core::event::{FAULTS_MAX, InvalidField, TYPE_MAX};
use eventcenter_core::id::{EventId, UserId};
use serde_json::Value;

use crate::problem::Problem;

/// Rows of a page when nothing is said.
const PAGE: u16 = 50;
/// Rows of a page at most. More is refused.
const PAGE_MAX: u16 = 500;

/// Fields being read: each reader takes one out. Whatever is left at the end is not a field.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: BTreeMap<String, Value>,
    faults: Vec<InvalidField>,
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::from_query(parts.uri.query().unwrap_or_default()))
    }
}

impl Form {
    fn from_query(query: &str) -> Self {
        let mut form = Self::default();
        for (field, text) in url::form_urlencoded::parse(query.as_bytes()) {
            if form.fields.insert(field.clone().into_owned(), text.into_owned().into()).is_some() {
                form.fault(&field, "is given twice");
            }
        }
        form
    }

    /// The fields of a JSON object.
    pub(super) fn from_json(json: Value) -> Result<Self, Problem> {
        match json {
            Value::Object(fields) => Ok(Self { fields: fields.into_iter().collect(), faults: Vec::new() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Problem::field("body", "must be a JSON object"))
            }
        }
    }

    /// Notes what is wrong with a field, unless enough is known to be wrong already.
    pub(super) fn fault(&mut self, field: &str, message: &str) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(InvalidField { field: field.to_owned(), message: message.to_owned() });
        }
    }

    /// Takes a field, unless it is absent or null.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// Whether a field is there, null or not.
    pub(super) fn is_given(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Whether a field is there, and not null.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|value| !value.is_null())
    }

    /// Notes that a required field is absent, unless something else is wrong with it already.
    pub(super) fn require<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.faults.iter().any(|fault| fault.field == field) {
            self.fault(field, "is required");
        }
        value
    }

    /// Takes a text, and notes `rule` unless `parse` makes something of it.
    pub(super) fn text<T>(&mut self, field: &str, rule: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.value(field, rule, |value| value.as_str().and_then(parse))
    }

    /// Takes a value, and notes `rule` unless `parse` makes something of it.
    pub(super) fn value<T>(&mut self, field: &str, rule: &str, parse: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(field)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.fault(field, rule);
        }
        parsed
    }

    /// A person: a number in JSON, its digits in a query.
    pub(super) fn user_id(&mut self) -> Option<UserId> {
        let value = self.take("user_id")?;
        let user_id = value.as_i64().and_then(UserId::new).or_else(|| value.as_str()?.parse().ok());
        if user_id.is_none() {
            self.fault("user_id", "must be an integer from 1 to 9223372036854775807");
        }
        user_id
    }

    /// An event's type.
    pub(super) fn kind(&mut self) -> Option<String> {
        self.type_in("type")
    }

    /// A type of events, in a field of another name.
    pub(super) fn type_in(&mut self, field: &str) -> Option<String> {
        let rule = "must be 1 to 64 characters of a-z, 0-9, _, . and -";
        self.text(field, rule, |text| is_type(text).then(|| text.to_owned()))
    }

    /// Where a page begins and how long it is.
    pub(super) fn page(&mut self) -> Page {
        let after = self.text("after", "must be the next of an earlier page", EventId::parse);
        Page { after, limit: self.limit() }
    }

    /// How long a page is.
    pub(super) fn limit(&mut self) -> usize {
        let limit = self.text("limit", "must be an integer from 1 to 500", |text| {
            text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit))
        });
        limit.unwrap_or(PAGE).into()
    }

    /// Everything that was wrong, fields left over included.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let left: Vec<String> = self.fields.keys().cloned().collect();
        for field in left {
            self.fault(&field, "is not known here");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::fields(self.faults)) }
    }

    /// The same, and a required field that is absent although nothing else is wrong with it.
    pub(super) fn finish_with<T>(mut self, field: &str, required: Option<T>) -> Result<T, Problem> {
        let required = self.require(field, required);
        self.finish()?;
        required.ok_or_else(|| Problem::field(field, "is required"))
    }
}

/// Whether a text can be a type of events: the rule of the schema.
pub(super) fn is_type(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    (1..=TYPE_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The last event of the page before.
    pub(super) after: Option<EventId>,
    /// Rows at most.
    pub(super) limit: usize,
}

impl Page {
    /// How many rows to ask for: one more than fits tells whether there is a next page.
    pub(super) fn rows(self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(form: Form) -> Vec<String> {
        form.finish().err().map_or_else(Vec::new, |problem| problem.errors.into_iter().map(|one| one.field).collect())
    }

    #[test]
    fn everything_wrong_with_a_query_is_named_at_once() {
        let mut form = Form::from_query("user_id=0&type=A&after=x&limit=501&colour=red&colour=blue");
        assert_eq!((form.user_id(), form.kind()), (None, None));
        form.page();

        assert_eq!(faults(form), ["colour", "user_id", "type", "after", "limit", "colour"]);
    }

    #[test]
    fn of_a_body_of_nothing_but_mistakes_only_the_first_are_named() {
        let query: Vec<String> = (0..1000).map(|n| format!("wrong{n}=1&wrong{n}=2")).collect();

        assert_eq!(faults(Form::from_query(&query.join("&"))).len(), FAULTS_MAX);
    }

    #[test]
    fn a_page_has_fifty_rows_unless_told() {
        let mut form = Form::from_query("limit=500");

        assert_eq!(Form::default().page(), Page { after: None, limit: 50 });
        assert_eq!(form.page(), Page { after: None, limit: 500 });
        assert!(form.finish().is_ok());
    }

    #[test]
    fn a_required_field_is_named_once() {
        for query in ["", "user_id=x"] {
            let mut form = Form::from_query(query);
            let user_id = form.user_id();

            let problem = form.finish_with("user_id", user_id).unwrap_err();

            assert_eq!(problem.errors.len(), 1, "{query}");
        }
    }
}
