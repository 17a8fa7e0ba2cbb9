//! What `POST /events` refuses.

use super::*;

#[tokio::test]
async fn a_bad_event_is_refused_by_its_field() {
    let api = Fixture::new();
    let with = |field: &str, value: Value| {
        let mut event = event();
        event[field] = value;
        event
    };

    for (field, wrong) in
        [("title", json!("")), ("colour", json!("red")), ("channels", json!([])), ("user_id", json!(0))]
    {
        let answer = api.emit(&with(field, wrong)).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.problem(), invalid(field));
    }
}

#[tokio::test]
async fn an_array_holds_1_to_500_events() {
    let api = Fixture::new();

    for events in [json!([]), Value::Array(vec![event(); 501])] {
        assert_eq!(api.emit(&events).await.problem(), invalid("events"));
    }
}

#[tokio::test]
async fn an_event_of_a_megabyte_is_told_the_limit_and_the_field() {
    let mut event = event();
    event["body"] = "x".repeat(1024 * 1024).into();

    let answer = Fixture::new().emit(&event).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.problem(), ("body_too_large".to_owned(), vec!["body".to_owned()]));
    assert!(answer.json()["detail"].as_str().unwrap().contains("262144 bytes"));
}

#[tokio::test]
async fn no_array_is_read_past_its_limit() {
    let spaces = format!("[{}]", " ".repeat(8 * 1024 * 1024));

    let answer = Fixture::new().ask(Method::POST, "/events", spaces).await;

    assert_eq!((answer.status, answer.problem()), (StatusCode::PAYLOAD_TOO_LARGE, code("body_too_large")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("8388608 bytes"));
}

#[tokio::test]
async fn broken_json_is_told_where() {
    let answer = Fixture::new().ask(Method::POST, "/events", "{\"user_id\": 42,\n oops}").await;

    assert_eq!(answer.problem(), code("invalid_json"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 2 column"));
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let request = Request::post("/events").header(AUTHORIZATION, "Bearer ec_test").body(event().to_string().into());

    let answer = Fixture::new().send(request.unwrap()).await;

    assert_eq!((answer.status, answer.problem()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, code("unsupported_media_type")));
}

#[tokio::test]
async fn an_array_has_no_idempotency_key() {
    let request = Request::post("/events")
        .header(AUTHORIZATION, "Bearer ec_test")
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", "k1")
        .body(json!([event()]).to_string().into());

    assert_eq!(Fixture::new().send(request.unwrap()).await.problem(), invalid("Idempotency-Key"));
}

#[tokio::test]
async fn a_bad_event_among_others_is_refused_in_its_place() {
    let mut bad = event();
    bad["title"] = Value::Null;

    let answer = Fixture::new().emit(&json!([event(), bad])).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let results = answer.json();
    assert_eq!(results["results"][0]["error"]["code"], "database_unavailable");
    assert_eq!((&results["results"][1]["index"], &results["results"][1]["error"]["status"]), (&json!(1), &json!(400)));
    assert_eq!(results["results"][1]["error"]["errors"][0]["field"], "title");
}
