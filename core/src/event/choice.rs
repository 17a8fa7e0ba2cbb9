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
    /// The options of `data.options`, each a text or `{value, label}`. Whatever else is in there is none.
    pub fn choices(&self) -> Vec<Choice> {
        let data: Option<Value> = self.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        let options = data.as_ref().and_then(|data| data.get("options")?.as_array());
        options.into_iter().flatten().filter_map(choice).collect()
    }
}

fn choice(option: &Value) -> Option<Choice> {
    match option.as_str() {
        Some(text) => Some(Choice { value: text.to_owned(), label: text.to_owned() }),
        None => Choice::deserialize(option).ok(),
    }
}
