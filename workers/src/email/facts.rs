//! What the channel reads of an event's `data`, which is the producer's own: anything may be missing or of another type.

use eventcenter_core::event::{Choice, Event, KEY_MAX, TYPE_MAX, word};
use serde_json::Value;

use super::text::one_line;

/// Options of an action shown as buttons. Who offers more gets one link to the action's page instead of the rest.
const OPTIONS_MAX: usize = 6;
/// Longest label of an option, in characters; the rest is cut.
const LABEL_MAX: usize = 64;
/// Longest value of an option, in bytes. A longer one is offered on the action's page only.
const VALUE_MAX: usize = 256;

/// An event's `data`, read.
#[derive(Debug)]
pub(super) struct Facts(Value);

impl Facts {
    pub(super) fn of(event: &Event) -> Self {
        let data = event.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        Self(data.unwrap_or(Value::Null))
    }

    /// All of it, for templates.
    pub(super) const fn all(&self) -> &Value {
        &self.0
    }

    /// Which part of the producer's system it comes from, if that is a name as types are.
    pub(super) fn service(&self) -> Option<&str> {
        self.0.get("service").and_then(Value::as_str).filter(|service| is_name(service))
    }

    /// What the event belongs to: mails of one conversation become one thread.
    pub(super) fn conversation(&self, event: &Event) -> Option<String> {
        let named = ["thread_id", "conversation_id"].into_iter().find_map(|field| word(self.0.get(field)?));
        named.or_else(|| event.collapse_key.clone())
    }

    /// The action that awaits an answer.
    pub(super) fn action_id(&self) -> Option<String> {
        let id = self.0.get("action_id").and_then(word);
        id.filter(|id| !id.is_empty() && id.chars().count() <= KEY_MAX)
    }

    /// The answers that buttons offer.
    pub(super) fn choices(&self) -> Vec<Choice> {
        Choice::all_of(&self.0).into_iter().filter_map(on_a_button).take(OPTIONS_MAX).collect()
    }
}

fn on_a_button(choice: Choice) -> Option<Choice> {
    let label: String = one_line(&choice.label).chars().take(LABEL_MAX).collect();
    (choice.value.len() <= VALUE_MAX && !label.is_empty()).then_some(Choice { label, ..choice })
}

/// The rule of types: `[a-z0-9_.-]{1,64}`. It has no slash, so such a name never leaves a folder.
pub(super) fn is_name(name: &str) -> bool {
    let is_safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    (1..=TYPE_MAX).contains(&name.len()) && name.bytes().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::fixtures;

    fn facts(data: &str) -> Facts {
        let data = serde_json::value::RawValue::from_string(data.to_owned()).unwrap();
        Facts::of(&Event { data: Some(data), ..fixtures::event() })
    }

    #[test]
    fn a_service_is_a_name_or_nothing() {
        assert_eq!(facts(r#"{"service": "photos.v2"}"#).service(), Some("photos.v2"));
        for wrong in [r#""../x""#, r#""Photos""#, r#""""#, "7", "null", r#""a b""#] {
            assert_eq!(facts(&format!(r#"{{"service": {wrong}}}"#)).service(), None, "{wrong}");
        }
    }

    #[test]
    fn a_conversation_is_named_by_data_or_else_by_the_collapse_key() {
        let event = Event { collapse_key: Some("chat-7".to_owned()), ..fixtures::event() };

        assert_eq!(facts(r#"{"thread_id": "t", "conversation_id": 9}"#).conversation(&event).as_deref(), Some("t"));
        assert_eq!(facts(r#"{"conversation_id": 9}"#).conversation(&event).as_deref(), Some("9"));
        assert_eq!(facts(r#"{"thread_id": ["x"]}"#).conversation(&event).as_deref(), Some("chat-7"));
        assert_eq!(facts("{}").conversation(&fixtures::event()), None);
    }

    #[test]
    fn options_are_words_or_values_with_labels() {
        let data = r#"{"options": ["yes", {"value": "no", "label": "Not\r\nnow"}, 7, {"label": "x"}, ""]}"#;
        let choice = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned() };

        assert_eq!(facts(data).choices(), [choice("yes", "yes"), choice("no", "Not  now"), choice("7", "7")]);
        assert_eq!(facts(r#"{"options": ["1","2","3","4","5","6","7"]}"#).choices().len(), OPTIONS_MAX);
        assert_eq!(facts(r#"{"options": {"a": 1}}"#).choices(), []);
        let odd = r#"{"options": [{"value": 2.5}, {"value": "a", "label": {}}, {"label": "None"}, true, null]}"#;
        assert_eq!(facts(odd).choices(), [choice("2.5", "2.5"), choice("a", "a")]);
    }
}
