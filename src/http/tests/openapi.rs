//! Whether `/openapi.json` tells the whole truth.

use super::*;

#[tokio::test]
async fn the_description_has_every_call_and_nothing_else() {
    let api = Fixture::new();
    let document = api.with("/openapi.json", &[]).await.json();
    let documented = document["paths"].as_object().unwrap().iter().flat_map(|(path, calls)| {
        calls.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut documented: Vec<String> = documented.collect();
    documented.sort();

    assert_eq!(
        documented,
        [
            "DELETE /api/push/devices/{id}",
            "DELETE /api/push/subscribe",
            "DELETE /api/suppressions/{id}",
            "DELETE /api/users/{id}",
            "GET /actions/{action_id}",
            "GET /api/actions/{action_id}",
            "GET /api/actions/{action_id}/context",
            "GET /api/deliveries",
            "GET /api/diagnostics/loopback/{id}",
            "GET /api/events",
            "GET /api/events/{id}",
            "GET /api/inbox",
            "GET /api/preferences",
            "GET /api/presence",
            "GET /api/push/devices",
            "GET /api/push/key",
            "GET /api/suppressions",
            "GET /api/users/{id}",
            "GET /api/users/{id}/presence",
            "GET /check",
            "GET /ec/{file}",
            "GET /ec/{folder}/{file}",
            "GET /healthz",
            "GET /metrics",
            "GET /openapi.json",
            "GET /readyz",
            "GET /sw.js",
            "GET /unsubscribe/{token}",
            "PATCH /api/push/devices/{id}",
            "POST /api/actions/{action_id}/answer",
            "POST /api/bounces",
            "POST /api/deliveries/redrive",
            "POST /api/diagnostics/loopback",
            "POST /api/events/{id}/cancel",
            "POST /api/inbox/{mark}",
            "POST /api/push/ack",
            "POST /api/push/subscribe",
            "POST /api/suppressions",
            "POST /api/users/{id}/sessions/revoke",
            "POST /api/ws-ticket",
            "POST /events",
            "POST /unsubscribe/{token}",
            "PUT /api/preferences",
            "PUT /api/users/{id}",
        ]
    );
    // There is no file of any name, and no link that nobody made.
    let exists = |call: &&String| !["sw.js", "{file}", "{token}"].iter().any(|name| call.contains(name));
    for call in documented.iter().filter(exists) {
        let (method, path) = call.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path.replace("{id}", "1").replace("{action_id}", "1").replace("{mark}", "read"))
            .body(Body::empty());
        let status = api.send(request.unwrap()).await.status;

        assert!(![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status), "{call}: {status}");
    }
}

#[tokio::test]
async fn every_reference_in_the_description_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = Fixture::new().with("/openapi.json", &[]).await.json();
    let mut found = Vec::new();
    references(&document, &mut found);

    assert!(!found.is_empty());
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
