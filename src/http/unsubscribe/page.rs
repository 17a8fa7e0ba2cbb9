//! The page behind a mail's unsubscribe link. It needs no script, no file and no other site.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What the page is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing has happened yet.
    Ask,
    /// The mail has been stopped.
    Done,
}

/// A page about one type of mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) stage: Stage,
    /// Letters, digits and `_.-` only, as the schema has it and our signature vouches for.
    pub(super) kind: &'a str,
}

struct Words {
    lang: &'static str,
    title: &'static str,
    ask: &'static str,
    button: &'static str,
    done: &'static str,
    rest: &'static str,
    critical: &'static str,
    kinds: [(&'static str, &'static str); 7],
}

const EN: Words = Words {
    lang: "en",
    title: "Unsubscribe",
    ask: "Stop mail about this?",
    button: "Unsubscribe",
    done: "You will get no more mail about this.",
    rest: "Other messages come as before. You can turn mail on again in your notification settings.",
    critical: "Critical alerts are sent all the same.",
    kinds: [
        ("job.done", "Finished jobs"),
        ("action.required", "Questions that wait for you"),
        ("message.new", "New messages"),
        ("reminder.due", "Reminders"),
        ("system.alert", "System alerts"),
        ("task.created", "New tasks"),
        ("digest", "Digests"),
    ],
};

const RU: Words = Words {
    lang: "ru",
    title: "Отписка",
    ask: "Больше не присылать письма об этом?",
    button: "Отписаться",
    done: "Писем об этом больше не будет.",
    rest: "Остальные уведомления приходят как прежде. Вернуть письма можно в настройках уведомлений.",
    critical: "Критические предупреждения приходят всё равно.",
    kinds: [
        ("job.done", "Готовые задания"),
        ("action.required", "Вопросы, которые ждут ответа"),
        ("message.new", "Новые сообщения"),
        ("reminder.due", "Напоминания"),
        ("system.alert", "Системные предупреждения"),
        ("task.created", "Новые задачи"),
        ("digest", "Сводки"),
    ],
};

const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{font:1.0625rem/1.5 system-ui,sans-serif;max-width:28rem;margin:15vh auto;padding:0 1.25rem}\
    h1{font-size:1.375rem;line-height:1.3}\
    p.kind{font-weight:600;overflow-wrap:anywhere}\
    button{font:inherit;padding:.75rem 1.5rem;border:0;border-radius:.5rem;background:#1a56db;color:#fff}\
    button:focus-visible{outline:3px solid currentColor;outline-offset:3px}";

/// Our own style, our own form, and nothing else.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    });
    HeaderValue::from_static(&POLICY)
}

impl Page<'_> {
    /// The page for a reader of `locale`, a BCP 47 tag: Russian for Russian, English for all others.
    pub(super) fn html(self, locale: &str) -> String {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        let words = if language.eq_ignore_ascii_case(RU.lang) { &RU } else { &EN };
        let name = words.kinds.iter().find(|(kind, _)| *kind == self.kind).map_or(self.kind, |(_, name)| name);
        let note = if self.kind == "system.alert" { words.critical } else { words.rest };
        let (heading, form) = match self.stage {
            Stage::Ask => (words.ask, form(words.button)),
            Stage::Done => (words.done, String::new()),
        };
        let Words { lang, title, .. } = words;
        format!(
            r#"<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{heading}</h1>
<p class="kind">{name}</p>
<p>{note}</p>
{form}</main>
</body>
</html>
"#
        )
    }
}

/// It posts to its own address what a mail program would (RFC 8058, section 3.1).
fn form(button: &str) -> String {
    format!("<form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">{button}</button></form>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_speaks_the_persons_language() {
        let ask = Page { stage: Stage::Ask, kind: "job.done" };

        assert!(ask.html("ru-RU").contains("<html lang=\"ru\">") && ask.html("ru").contains("Готовые задания"));
        assert!(ask.html("de").contains("<html lang=\"en\">") && ask.html("").contains("Finished jobs"));
    }

    #[test]
    fn there_is_a_button_only_while_there_is_something_to_do() {
        let page = |stage| Page { stage, kind: "photo.shared" }.html("en");

        assert!(page(Stage::Ask).contains("<form method=\"post\">") && page(Stage::Ask).contains("photo.shared"));
        assert!(!page(Stage::Done).contains("<form"));
    }

    #[test]
    fn who_stops_system_alerts_is_told_that_critical_ones_come() {
        for stage in [Stage::Ask, Stage::Done] {
            assert!(Page { stage, kind: "system.alert" }.html("en").contains(EN.critical));
        }
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_allows() {
        let page = Page { stage: Stage::Ask, kind: "job.done" }.html("en");
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        let hash = BASE64_STANDARD.encode(digest(&SHA256, style.as_bytes()));

        assert!(policy().to_str().unwrap().contains(&format!("'sha256-{hash}'")));
    }
}
