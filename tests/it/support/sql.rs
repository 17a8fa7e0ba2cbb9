//! What a service says by SQL.

use serde_json::Value;
use sqlx::postgres::PgDatabaseError;

/// The insert that a service would write for the JSON of an event.
pub(crate) fn insert(event: &Value) -> String {
    let fields = event.as_object().unwrap();
    let columns: Vec<&str> = fields.keys().map(|name| if name == "id" { "key" } else { name }).collect();
    let values: Vec<String> = fields.values().map(literal).collect();
    format!("insert into eventcenter.events ({}) values ({})", columns.join(", "), values.join(", "))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quote(text),
        Value::Array(list) if list.iter().all(|one| one.is_string() || one.is_null()) => {
            let names: Vec<&str> = list.iter().map(|one| one.as_str().unwrap_or("null")).collect();
            quote(&format!("{{{}}}", names.join(",")))
        }
        Value::Array(_) | Value::Object(_) => quote(&value.to_string()),
    }
}

fn quote(text: &str) -> String {
    // A NUL in a statement would end it early, so it is written as a service could: escaped.
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', "''").replace('\0', r"\000"))
}

/// The SQLSTATE, and the constraint or else the column, of a statement that was refused.
pub(crate) fn refusal(error: &sqlx::Error) -> (String, String) {
    let error: &PgDatabaseError = error.as_database_error().unwrap().downcast_ref();
    (error.code().to_owned(), error.constraint().or(error.column()).unwrap_or_default().to_owned())
}
