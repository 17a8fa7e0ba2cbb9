use eventcenter_core::event::{Cta, Level};

use super::*;
use crate::email::fixtures;

fn renderer() -> Renderer {
    let app_url = Url::parse("https://app.example.org").unwrap();
    let fallback = app_url.join("/app").unwrap();
    Renderer::new(app_url, fallback).unwrap()
}

fn with_cta(url: &str) -> Event {
    let cta = Cta { label: "See <it>".to_owned(), url: url.to_owned() };
    Event { cta: Some(cta), ..fixtures::event() }
}

fn href(event: &Event) -> String {
    let html = renderer().render(event, "en").unwrap().html;
    let start = html.find("href=\"").unwrap() + "href=\"".len();
    html[start..].split('"').next().unwrap().replace("&#x2f;", "/")
}

#[test]
fn a_mail_says_title_level_body_and_where_to_go() {
    let event = Event { level: Level::Warning, ..with_cta("/photo/7") };
    let content = renderer().render(&event, "ru-RU").unwrap();

    assert_eq!(content.subject, "Фото готово");
    for part in ["Фото готово", "Предупреждение", "Первая строка", "учётная запись на app.example.org."]
    {
        assert!(content.text.contains(part), "{part} is missing in: {}", content.text);
        assert!(content.html.contains(part), "{part} is missing in: {}", content.html);
    }
    assert!(content.text.contains("See <it>: https://app.example.org/photo/7"), "{}", content.text);
    assert!(content.html.contains("See &lt;it&gt;</a>"), "{}", content.html);
    assert!(content.html.contains("<html lang=\"ru\">"));
    assert!(content.html.contains("Первая строка<br>\nвторая"), "{}", content.html);
}

#[test]
fn an_event_without_a_body_leaves_no_hole() {
    let event = Event { body: String::new(), ..fixtures::event() };
    let content = renderer().render(&event, "en").unwrap();

    assert!(content.text.starts_with("Фото готово\n[Information]\n\nOpen: https://app.example.org/app\n"));
    assert!(!content.html.contains("<p class=\"text\""));
}

#[test]
fn markup_in_an_event_is_text() {
    let event =
        Event { title: "<script>x</script>".to_owned(), body: "<img src=x>{{ 7*7 }}".to_owned(), ..fixtures::event() };
    let content = renderer().render(&event, "en").unwrap();

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
    let html = renderer().render(&with_cta("/x\"onclick=\"y'"), "en").unwrap().html;

    assert!(!html.contains("\"onclick"), "{html}");
}

#[test]
fn a_subject_is_one_line_that_nothing_reorders() {
    assert_eq!(one_line(" a\r\nBcc: b\u{202e}c\u{2028}d\0 "), "a  Bcc: bc d");
}

#[test]
fn the_html_part_stays_under_what_gmail_shows() {
    for body in ["\"".repeat(16 * 1024), "\n".repeat(16 * 1024), "x".repeat(16 * 1024), "щ".repeat(8 * 1024)] {
        let content = renderer().render(&Event { body: body.clone(), ..fixtures::event() }, "ru").unwrap();

        assert!(content.html.len() < 100_000, "{} bytes", content.html.len());
        assert!(content.text.contains(&body), "the text part has it whole");
    }
}
