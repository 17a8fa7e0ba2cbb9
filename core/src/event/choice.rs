//! What a person may choose from.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Event;

/// One of the options of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// What the service gets as the answer.
    pub value: String,
    /// What the person sees.
    pub label: String,
}

impl Event {
    /// The options of `data.options`, each a word or `{value, label}`, whose label is the value when it has none; a word is a
    /// text or a number. Whatever else is in there is none.
    pub fn choices(&self) -> Vec<Choice> {
        let data: Option<Value> = self.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        let options = data.as_ref().and_then(|data| data.get("options")?.as_array());
        options.into_iter().flatten().filter_map(choice).collect()
    }
}

fn choice(option: &Value) -> Option<Choice> {
    let value = word(option.get("value").unwrap_or(option))?;
    let label = option.get("label").and_then(word).unwrap_or_else(|| value.clone());
    Some(Choice { value, label })
}

/// A service's word: a text or a number counts.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
