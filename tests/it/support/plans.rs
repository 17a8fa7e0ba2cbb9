//! How Postgres ran the statements inside a function: its own account, by `auto_explain`.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// One node of a plan, with what it did.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// As in `Index Scan`.
    pub(crate) kind: String,
    /// The index it used, if any.
    pub(crate) index: Option<String>,
    /// Pages that it and its children looked at.
    pub(crate) pages: u64,
}

/// Runs `call` and answers the nodes of the nested statement whose text holds `of`.
pub(crate) async fn nodes_of(connection: &mut PgConnection, call: &str, of: &str) -> Vec<Node> {
    connection
        .execute(
            "load 'auto_explain';
            set auto_explain.log_min_duration = 0;
            set auto_explain.log_nested_statements = on;
            set auto_explain.log_analyze = on;
            set auto_explain.log_buffers = on;
            set auto_explain.log_timing = off;
            set auto_explain.log_format = json;
            set client_min_messages = log;",
        )
        .await
        .unwrap();
    let notices = Notices::default();
    {
        // For this thread alone, which is where a test's own runtime runs all of it.
        let _guard = tracing::subscriber::set_default(notices.clone());
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(call.to_owned())).await.unwrap();
        transaction.rollback().await.unwrap();
    }
    let heard = notices.0.lock().unwrap();
    let plans = heard.iter().filter_map(|notice| serde_json::from_str(notice.get(notice.find('{')?..)?).ok());
    let found: Vec<Value> = plans.filter(|plan: &Value| plan["Query Text"].as_str().unwrap().contains(of)).collect();
    assert_eq!(found.len(), 1, "{heard:?}");
    let mut nodes = Vec::new();
    collect(&found[0]["Plan"], &mut nodes);
    nodes
}

fn collect(plan: &Value, nodes: &mut Vec<Node>) {
    let pages = |name: &str| plan[name].as_u64().unwrap_or_default();
    nodes.push(Node {
        kind: plan["Node Type"].as_str().unwrap().to_owned(),
        index: plan["Index Name"].as_str().map(str::to_owned),
        pages: pages("Shared Hit Blocks") + pages("Shared Read Blocks"),
    });
    for child in plan["Plans"].as_array().into_iter().flatten() {
        collect(child, nodes);
    }
}

/// What the server says besides its answers: sqlx passes it on to `tracing`.
#[derive(Clone, Debug, Default)]
struct Notices(Arc<Mutex<Vec<String>>>);

impl Subscriber for Notices {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message(self));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message<'a>(&'a Notices);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.0.lock().unwrap().push(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.0.lock().unwrap().push(value.to_owned());
        }
    }
}
