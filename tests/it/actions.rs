//! A person is asked, answers once, and the service learns it.

use std::time::Instant;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::support::events::{in_seconds, json_with};
use crate::support::eventually::{SOON, eventually};
use crate::support::http::Answer;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::sql::{insert, refusal};

const CONTEXT: &str = "/api/actions/budget-q3/context";
const ANSWER: &str = "/api/actions/budget-q3/answer";
const RESULT: &str = "/api/actions/budget-q3";

/// An event that asks `user`, with these fields in its data besides the action's name.
fn question(user: i64, more: &Value) -> Value {
    let mut data = json!({"action_id": "budget-q3"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json_with(user, &json!({"type": "action.required", "channels": ["ws"], "data": data}))
}

fn yes_or_no() -> Value {
    json!({"options": ["yes", {"value": "no", "label": "Not yet"}, true, {"label": "half"}]})
}

async fn somebody_waits(server: &Server<'_>) {
    eventually(SOON, || async { server.metric("eventcenter_answer_waiters").await.filter(|waiters| *waiters > 0.0) })
        .await;
}

async fn answer(server: &Server<'_>, user: i64, body: &Value) -> Answer {
    server.person_json(user, Method::POST, ANSWER, body).await
}

#[tokio::test]
async fn the_first_answer_stands_and_a_second_is_told_so() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&question(42, &yes_or_no())).await;
    let (here, there) = (server.hears(42).await, server.hears(42).await);

    let context = server.person(42, Method::GET, CONTEXT).await.expect(200).json();
    assert_eq!(
        (&context["state"], &context["answer"], &context["event"]["id"]),
        (&json!("open"), &Value::Null, &json!(id))
    );
    assert_eq!(context["options"], json!([{"value": "yes", "label": "yes"}, {"value": "no", "label": "Not yet"}]));
    let first = answer(&server, 42, &json!({"option": "no"})).await.expect(200).json();
    assert_eq!(
        (&first["option"], &first["event_id"], &first["user_id"], &first["action_id"]),
        (&json!("no"), &json!(id), &json!(42), &json!("budget-q3"))
    );
    let second = answer(&server, 42, &json!({"option": "yes"})).await;

    second.faulty_fields(409);
    let second = second.json();
    assert_eq!((&second["code"], &second["answer"]["option"]), (&json!("already_answered"), &json!("no")));
    assert_eq!(second["answer"]["answered_at"], first["answered_at"]);
    let context = server.person(42, Method::GET, CONTEXT).await.expect(200).json();
    assert_eq!((&context["state"], &context["answer"]["option"]), (&json!("answered"), &json!("no")));
    assert_eq!(server.service(Method::GET, RESULT).await.expect(200).json(), first);
    // In every session the question is read, and closed.
    for session in [here, there] {
        let read = session.first("marks").await;
        assert_eq!((&read["op"], &read["ids"], &read["unread"]), (&json!("read"), &json!([id]), &json!(0)));
        let answered = json!({"t": "answered", "action_id": "budget-q3", "event_id": id, "answer": {"option": "no"}});
        assert_eq!(session.first("answered").await, answered);
    }
}

#[tokio::test]
async fn an_answer_too_long_for_a_notification_is_asked_for() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&question(42, &json!({}))).await;
    let session = server.hears(42).await;

    let long = "\u{1}".repeat(4096);
    assert_eq!(answer(&server, 42, &json!({"text": long})).await.expect(200).json()["text"], long);

    let frame = session.first("answered").await;
    assert_eq!((&frame["t"], &frame["answer"]), (&json!("answered"), &Value::Null));
    assert_eq!(server.person(42, Method::GET, CONTEXT).await.expect(200).json()["answer"]["text"], long);
}

#[tokio::test]
async fn of_many_answers_at_once_one_stands() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&question(42, &json!({}))).await;

    let bodies: Vec<Value> = (0..20).map(|n| json!({"text": format!("answer {n}")})).collect();
    let answers = join_all(bodies.iter().map(|body| answer(&server, 42, body))).await;

    let standing: Vec<Value> =
        answers.iter().filter(|one| one.status == 200).map(|one| one.json()["text"].clone()).collect();
    assert_eq!(standing.len(), 1);
    for late in answers.iter().filter(|one| one.status != 200) {
        late.faulty_fields(409);
        assert_eq!(late.json()["answer"]["text"], standing[0]);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_refused_and_leaves_the_question_open() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&question(42, &yes_or_no())).await;
    server.emit(&question(43, &json!({"options": []}))).await;
    for (user, body, fields) in [
        (42, json!({"option": "Not yet"}), vec!["option"]),
        (42, json!({"option": 7}), vec!["option"]),
        (42, json!({"text": "yes"}), vec!["option", "text"]),
        (42, json!("yes"), vec!["body"]),
        (43, json!({"option": "yes"}), vec!["text", "option"]),
        (43, json!({"text": "a\0b"}), vec!["text"]),
        (43, json!({"text": "ж".repeat(2049)}), vec!["text"]),
    ] {
        assert_eq!(answer(&server, user, &body).await.faulty_fields(400), fields, "{body}");
    }
    answer(&server, 43, &json!({"text": "x".repeat(65 * 1024)})).await.faulty_fields(413);
    // Nothing asks this person.
    answer(&server, 44, &json!({"option": "yes"})).await.faulty_fields(404);
    server.person(44, Method::GET, CONTEXT).await.faulty_fields(404);
    server.person(42, Method::GET, "/api/actions/a%00b/context").await.faulty_fields(404);
    for (query, field) in
        [("?wait=31", "wait"), ("?wait=-1", "wait"), ("?user_id=0", "user_id"), ("?colour=red", "colour")]
    {
        let answer = server.service(Method::GET, &format!("{RESULT}{query}")).await;
        assert_eq!(answer.faulty_fields(400), [field], "{query}");
    }
    server.service(Method::GET, "/api/actions/unknown?wait=30").await.faulty_fields(404);
    server.person(42, Method::GET, RESULT).await.faulty_fields(401);
    assert_eq!(installation.db.count("select count(*) from eventcenter.answers").await, 0);
}

#[tokio::test]
async fn after_its_time_an_action_takes_no_answer_and_keeps_the_one_it_has() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for user in [42, 43] {
        let mut question = question(user, &yes_or_no());
        question.as_object_mut().unwrap().insert("expires_at".to_owned(), json!(in_seconds(3600)));
        server.emit(&question).await;
    }
    answer(&server, 43, &json!({"option": "yes"})).await.expect(200);
    sqlx::query("update eventcenter.events set expires_at = now()").execute(installation.db.pool()).await.unwrap();

    let late = answer(&server, 42, &json!({"option": "yes"})).await;

    late.faulty_fields(410);
    assert_eq!(late.json()["code"], "action_expired");
    assert_eq!(server.person(42, Method::GET, CONTEXT).await.expect(200).json()["state"], "expired");
    answer(&server, 43, &json!({"option": "no"})).await.faulty_fields(409);
    assert_eq!(server.person(43, Method::GET, CONTEXT).await.expect(200).json()["state"], "answered");
}

#[tokio::test]
async fn a_service_that_waits_hears_the_answer_given_at_another_node() {
    let installation = Installation::fresh().await;
    let (server, elsewhere) = (installation.serve().await, installation.serve().await);
    server.emit(&question(42, &yes_or_no())).await;
    assert_eq!(server.service(Method::GET, RESULT).await.expect(204).text, "");
    let began = Instant::now();
    assert_eq!(server.service(Method::GET, &format!("{RESULT}?wait=1")).await.expect(204).text, "");
    assert!(began.elapsed().as_millis() >= 1000);

    let waiting = server.service(Method::GET, "/api/actions/budget-q3?wait=30");
    let answering = async {
        somebody_waits(&server).await;
        answer(&elsewhere, 42, &json!({"option": "yes"})).await.expect(200);
    };
    let (heard, ()) = tokio::join!(waiting, answering);

    assert_eq!(heard.expect(200).json()["option"], "yes");
}

#[tokio::test]
async fn a_process_that_stops_lets_those_go_who_wait() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&question(42, &yes_or_no())).await;

    let waiting = server.service(Method::GET, "/api/actions/budget-q3?wait=30");
    let stopping = async {
        somebody_waits(&server).await;
        server.stop();
    };
    let (heard, ()) = tokio::join!(waiting, stopping);

    heard.expect(204);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_name_that_asks_several_people_needs_the_person_too() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for user in 1..=12 {
        server.emit(&question(user, &json!({}))).await;
    }
    answer(&server, 7, &json!({"text": "Fine"})).await.expect(200);

    let ambiguous = server.service(Method::GET, RESULT).await;

    ambiguous.faulty_fields(409);
    let ambiguous = ambiguous.json();
    assert_eq!(ambiguous["code"], "ambiguous_action");
    assert_eq!(ambiguous["candidates"], json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    assert_eq!(server.service(Method::GET, &format!("{RESULT}?user_id=7")).await.expect(200).json()["text"], "Fine");
    server.service(Method::GET, &format!("{RESULT}?user_id=8")).await.expect(204);
    server.service(Method::GET, &format!("{RESULT}?user_id=13")).await.faulty_fields(404);
}

#[tokio::test]
async fn the_newest_event_of_a_name_is_the_one_that_asks() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&question(42, &json!({"options": ["old"]}))).await;
    let newest = server.emit(&question(42, &json!({"options": ["new"]}))).await;

    assert_eq!(answer(&server, 42, &json!({"option": "old"})).await.faulty_fields(400), ["option"]);
    assert_eq!(answer(&server, 42, &json!({"option": "new"})).await.expect(200).json()["event_id"], newest);

    let inbox = server.person(42, Method::GET, "/api/inbox").await.expect(200).json();
    assert_eq!(inbox["unread_count"], 0, "whoever answered has read every event that asked");
}

#[tokio::test]
async fn a_question_from_a_services_transaction_is_answered_into_another_one() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut service = installation.db.connect_as_emitter().await;
    for end in ["rollback", "commit"] {
        service.execute("begin").await.unwrap();
        service.execute(AssertSqlSafe(insert(&question(42, &yes_or_no())))).await.unwrap();
        service.execute(end).await.unwrap();
        let status = if end == "commit" { 200 } else { 404 };
        server.person(42, Method::GET, CONTEXT).await.expect(status);
    }
    answer(&server, 42, &json!({"option": "yes"})).await.expect(200);

    let read = "select option from eventcenter.answers where action_id = 'budget-q3' and user_id = 42";
    assert_eq!(refusal(&service.execute(read).await.unwrap_err()).0, "42501", "an emitter may only emit");
    let mut reader = PgConnection::connect(installation.db.url()).await.unwrap();
    reader.execute("set session authorization eventcenter_reader").await.unwrap();
    let option: String = reader.fetch_one(read).await.unwrap().get(0);
    assert_eq!(option, "yes");
    for forbidden in [
        "select * from eventcenter.events",
        "select * from eventcenter.actions",
        "select * from eventcenter.recipients",
        "select * from eventcenter.service_keys",
        "insert into eventcenter.answers (action_id, user_id, event_id, text) values ('a', 1, gen_random_uuid(), 'x')",
        "update eventcenter.answers set option = 'no'",
        "delete from eventcenter.answers",
        "select eventcenter.answer(42, 'budget-q3', gen_random_uuid(), 'no', null)",
        "select eventcenter.emit('{}')",
    ] {
        let error = reader.execute(forbidden).await.unwrap_err();
        assert_eq!(refusal(&error).0, "42501", "{forbidden}");
    }
}

#[tokio::test]
async fn only_a_plain_name_makes_an_action() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for name in [json!(7), json!(null), json!(""), json!("a\nb"), json!("x".repeat(256)), json!({"a": 1})] {
        server.emit(&json_with(42, &json!({"data": {"action_id": name}}))).await;
    }
    server.emit(&json_with(42, &json!({"data": {"deep": {"action_id": "a"}}}))).await;

    assert_eq!(installation.db.count("select count(*) from eventcenter.actions").await, 0);
}

#[tokio::test]
async fn the_page_of_an_action_is_a_shell_that_runs_nothing_but_our_own() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let page = server.get("/actions/budget-q3").await.expect(200);

    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    for rule in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(page.text.contains(r#"<script type="module" src="/ec/action.js"></script>"#), "{}", page.text);
    assert!(!page.text.contains("budget-q3"), "nothing of the path is written into the page");
    assert_eq!(page.header("cache-control"), "no-cache");
}
