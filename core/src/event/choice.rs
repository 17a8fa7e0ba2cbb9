//! What a person may choose from.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Event;

/// One of the options of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Choice {
    /// What the service gets as the answer.
    pub value: String,
    /// What the person sees.
    pub label: String,
}

impl Event {
    /// The options of its data.
    pub fn choices(&self) -> Vec<Choice> {
        let data: Option<Value> = self.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        data.as_ref().map(Choice::all_of).unwrap_or_default()
    }
}

impl Choice {
    /// `data.options`: each a word, or `{value, label}` with the value as its label when it has none. Whatever else is in
    /// there is none.
    pub fn all_of(data: &Value) -> Vec<Self> {
        let options = data.get("options").and_then(Value::as_array);
        options.into_iter().flatten().filter_map(Self::read).collect()
    }

    fn read(option: &Value) -> Option<Self> {
        let value = word(option.get("value").unwrap_or(option))?;
        let label = option.get("label").and_then(word).unwrap_or_else(|| value.clone());
        Some(Self { value, label })
    }
}

/// A word in a producer's data, where anything may stand: a text, or a number as JSON writes it.
pub fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
