use eventcenter_core::event::{Cta, Event, Level};
use serde_json::value::RawValue;
use url::Url;

use super::*;
use crate::email::facts::Facts;
use crate::email::fixtures;

fn render(event: &Event, locale: &str) -> Content {
    let site = Site::new(Url::parse("https://app.example.org").unwrap(), "/app").unwrap();
    let renderer = Renderer { templates: Arc::new(Templates::new(None).unwrap()), site };
    let facts = Facts::of(event);
    renderer.render(Subject { event, facts: &facts, locale, name: None, unsubscribe: None }).unwrap()
}

fn with_data(kind: &str, data: &str) -> Event {
    let data = Some(RawValue::from_string(data.to_owned()).unwrap());
    Event { kind: kind.to_owned(), data, ..fixtures::event() }
}

fn with_cta(url: &str) -> Event {
    let cta = Cta { label: "See <it>".to_owned(), url: url.to_owned() };
    Event { cta: Some(cta), ..fixtures::event() }
}

fn href(event: &Event) -> String {
    let html = render(event, "en").html;
    let start = html.find("href=\"").unwrap() + "href=\"".len();
    html[start..].split('"').next().unwrap().replace("&#x2f;", "/")
}

#[test]
fn a_mail_says_title_level_body_and_where_to_go() {
    let event = Event { level: Level::Warning, ..with_cta("/photo/7") };
    let content = render(&event, "ru-RU");

    assert_eq!(content.subject, "Фото готово");
    for part in ["Фото готово", "Готово", "Первая строка", "учётная запись на app.example.org."]
    {
        assert!(content.text.contains(part), "{part} is missing in: {}", content.text);
        assert!(content.html.contains(part), "{part} is missing in: {}", content.html);
    }
    assert!(content.text.contains("See <it>: https://app.example.org/photo/7"), "{}", content.text);
    assert!(content.html.contains("See &lt;it&gt;"), "{}", content.html);
    assert!(content.html.contains("<html lang=\"ru\">"));
    assert!(content.html.contains("Первая строка<br>\nвторая"), "{}", content.html);
}

#[test]
fn an_event_without_a_body_leaves_no_hole() {
    let event = Event { body: String::new(), ..fixtures::event() };
    let content = render(&event, "en");

    assert!(content.text.starts_with("Фото готово\n[Done]\n\nSee the result: https://app.example.org/app\n"));
    assert!(!content.html.contains("<p class=\"text\""), "{}", content.html);
}

#[test]
fn markup_in_an_event_is_text() {
    let event =
        Event { title: "<script>x</script>".to_owned(), body: "<img src=x>{{ 7*7 }}".to_owned(), ..fixtures::event() };
    let content = render(&event, "en");

    assert!(!content.html.contains("<script>") && !content.html.contains("<img"));
    assert!(content.html.contains("{{ 7*7 }}"), "the body is never a template");
    assert!(content.text.contains("<img src=x>"));
}

#[test]
fn a_cta_leads_to_the_web_or_to_the_app() {
    assert_eq!(href(&with_cta("/photo/7?a=1&b=2")), "https://app.example.org/photo/7?a=1&amp;b=2");
    assert_eq!(href(&with_cta("http://other.example/x")), "http://other.example/x");
    assert_eq!(href(&fixtures::event()), "https://app.example.org/app");
}

#[test]
fn a_cta_that_leads_anywhere_else_becomes_the_fallback() {
    for wrong in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil.example/x",
        "/\\evil.example",
        "/\t/evil.example",
        "https://bank.example@evil.example/",
        "https://",
    ] {
        assert_eq!(href(&with_cta(wrong)), "https://app.example.org/app", "{wrong}");
    }
}

#[test]
fn a_quote_in_a_url_does_not_leave_the_attribute() {
    let html = render(&with_cta("/x\"onclick=\"y'"), "en").html;

    assert!(!html.contains("\"onclick"), "{html}");
}

#[test]
fn the_html_part_stays_under_what_gmail_shows() {
    for body in ["\"".repeat(16 * 1024), "\n".repeat(16 * 1024), "x".repeat(16 * 1024), "щ".repeat(8 * 1024)] {
        let content = render(&Event { body: body.clone(), ..fixtures::event() }, "ru");

        assert!(content.html.len() < 100_000, "{} bytes", content.html.len());
        assert!(content.text.contains(&body), "the text part has it whole");
    }
}

#[test]
fn an_action_s_options_are_buttons_that_lead_to_its_page() {
    let data = r#"{"action_id": "a/7", "options": ["yes", {"value": "no & never", "label": "No <way>"}]}"#;
    let content = render(&with_data("action.required", data), "ru");

    assert_eq!(content.subject, "Нужен ваш ответ: Фото готово");
    for (label, url) in [
        ("yes", "https://app.example.org/actions/a%2F7?option=yes"),
        ("No <way>", "https://app.example.org/actions/a%2F7?option=no+%26+never"),
        ("Ответить", "https://app.example.org/actions/a%2F7"),
    ] {
        assert!(content.text.contains(&format!("{label}: {url}\n")), "{label}: {}", content.text);
        let label = label.replace('<', "&lt;").replace('>', "&gt;");
        assert!(content.html.contains(&label) && content.html.contains(&url.replace('/', "&#x2f;")), "{label}");
    }
    assert!(!render(&with_data("job.done", data), "ru").text.contains("No <way>"), "only an action has options");
}

#[test]
fn a_digest_lists_its_groups_and_says_what_it_leaves_out() {
    let data = r#"{"more": 5, "groups": [
        {"name": "Chats", "more": 2, "items": [
            {"title": "Boris\r\n<wrote>", "url": "/chats/4", "at": "14:05", "count": 4},
            {"title": "Vera", "url": "javascript:alert(1)"}]},
        {"name": "Tasks", "items": [{"title": "Sign it"}]}]}"#;
    let content = render(&with_data("digest", data), "en");

    let list = "Chats\n- 14:05 Boris  <wrote> (4)\n  https://app.example.org/chats/4\n- Vera\n- and 2 more\n\nTasks\n- Sign it\n";
    assert!(content.text.contains(list), "{}", content.text);
    assert!(content.text.contains("\nand 5 more\n"), "{}", content.text);
    assert!(content.html.contains("Boris  &lt;wrote&gt;") && !content.html.contains("javascript"), "{}", content.html);
    assert!(render(&with_data("digest", data), "ru-RU").text.contains("и ещё 2"));
}

#[test]
fn a_digest_that_is_too_long_is_cut_to_what_gmail_shows() {
    let item = format!(r#"{{"title": "{}", "url": "/{}"}}"#, "<".repeat(256), "/".repeat(2000));
    let items = vec![item; 60].join(",");
    let data = format!(r#"{{"groups": [{{"name": "All", "items": [{items}]}}]}}"#);

    let content = render(&with_data("digest", &data), "en");

    assert!(content.html.len() < 100_000, "{} bytes", content.html.len());
    assert!(content.html.contains("more</td>"), "it does not say that items are left out");
}

#[test]
fn what_calls_itself_a_digest_and_is_none_is_an_ordinary_mail() {
    assert!(render(&with_data("digest", r#"{"groups": "x"}"#), "en").text.contains("Первая строка"));
}

#[test]
fn the_longest_event_there_can_be_stays_under_what_gmail_shows() {
    let options: Vec<String> =
        (0..9).map(|n| format!(r#"{{"value": "{}{n}", "label": "{}"}}"#, "щ".repeat(120), "\\\"".repeat(64))).collect();
    let data = format!(r#"{{"action_id": "{}", "options": [{}]}}"#, "/".repeat(255), options.join(","));
    let event = Event {
        title: "'".repeat(256),
        body: "&".repeat(16 * 1024),
        cta: Some(Cta { label: "<".repeat(64), url: format!("/{}", "/&".repeat(1000)) }),
        ..with_data("action.required", &data)
    };

    let content = render(&event, "ru");

    assert!(content.html.len() < 100_000, "{} bytes", content.html.len());
}
