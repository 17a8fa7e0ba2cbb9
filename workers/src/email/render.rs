//! From an event to what the person reads: subject, text and HTML.

use eventcenter_core::event::Event;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use url::Url;

use super::wording::Wording;

#[cfg(test)]
mod tests;

/// Longest body in the HTML part, in bytes after escaping. What is beyond is cut there, because Gmail hides the rest
/// of a mail, button included, from 102 KB on. The text part has it whole. Only a body of markup characters, each
/// six bytes when escaped, gets this long.
const SHOWN_MAX: usize = 80_000;

/// Longest preview line, in characters: mail programs show less.
const PREVIEW_MAX: usize = 120;

/// A mail's content, before it is MIME.
#[derive(Debug)]
pub(super) struct Content {
    /// One line.
    pub(super) subject: String,
    /// For programs that show no HTML.
    pub(super) text: String,
    /// Under 100 KB.
    pub(super) html: String,
}

/// Turns events into mails with the built-in templates.
#[derive(Debug)]
pub(super) struct Renderer {
    templates: Environment<'static>,
    app_url: Url,
    fallback: Url,
}

/// What a template may use. A name that is not here fails the rendering instead of leaving a hole.
#[derive(Serialize)]
struct View<'a> {
    lang: &'a str,
    title: &'a str,
    level: &'a str,
    level_name: &'a str,
    body: &'a str,
    lines: Vec<&'a str>,
    preview: String,
    button: Button<'a>,
    footer: &'a str,
    host: &'a str,
}

#[derive(Serialize)]
struct Button<'a> {
    label: &'a str,
    url: &'a str,
}

impl Renderer {
    /// `app_url` is http(s) and resolves a cta's path; `fallback` is where the button leads without a cta.
    pub(super) fn new(app_url: Url, fallback: Url) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_trim_blocks(true);
        templates.set_lstrip_blocks(true);
        templates.add_template("default.txt", include_str!("templates/default.txt"))?;
        templates.add_template("default.html", include_str!("templates/default.html"))?;
        Ok(Self { templates, app_url, fallback })
    }

    /// Writes the mail in the language of `locale`, a BCP 47 tag.
    pub(super) fn render(&self, event: &Event, locale: &str) -> Result<Content, minijinja::Error> {
        let wording = Wording::of(locale);
        let subject = one_line(&event.title);
        let body = plain(&event.body);
        let shown = shown(&body);
        let target = event.cta.as_ref().and_then(|cta| self.resolve(&cta.url));
        let view = View {
            lang: wording.lang,
            title: &subject,
            level: event.level.as_str(),
            level_name: wording.level(event.level),
            body: &body,
            lines: shown.split('\n').collect(),
            preview: one_line(&body).chars().take(PREVIEW_MAX).collect(),
            button: Button {
                label: event.cta.as_ref().map_or(wording.open, |cta| &cta.label),
                url: target.as_ref().unwrap_or(&self.fallback).as_str(),
            },
            footer: wording.footer,
            host: self.app_url.host_str().unwrap_or_default(),
        };
        let text = self.templates.get_template("default.txt")?.render(&view)?;
        let html = self.templates.get_template("default.html")?.render(&view)?;
        Ok(Content { subject, text, html })
    }

    /// Where a cta leads: an http(s) URL, or a path of the app's own site. `None` for anything else, and for a URL
    /// that dresses up its host with a user name (`https://bank.example@evil.example`).
    fn resolve(&self, target: &str) -> Option<Url> {
        let url = self.app_url.join(target).ok()?;
        let stays_home = !target.starts_with('/') || url.origin() == self.app_url.origin();
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_web && is_plain && stays_home).then_some(url)
    }
}

/// One line without control characters and without those that reorder text, which could fake another sender or end
/// a header.
pub(super) fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|c| !reorders(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    spaced.trim().to_owned()
}

/// Lines that end in `\n`, without other control characters than tabs.
fn plain(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(|c| !reorders(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}

/// The explicit bidirectional controls (UAX #9): text in one direction or the other needs none of them.
const fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// As much of the body as fits the HTML part.
fn shown(body: &str) -> String {
    let mut size = 0;
    let mut rest = body.chars();
    let fitting: String = rest
        .by_ref()
        .take_while(|c| {
            size += escaped_len(*c);
            size <= SHOWN_MAX
        })
        .collect();
    let is_whole = fitting.len() == body.len();
    if is_whole { fitting } else { fitting + "…" }
}

/// What a character costs in HTML: the longest escape is `&quot;`, and a line ends with `<br>`.
const fn escaped_len(c: char) -> usize {
    match c {
        '<' | '>' | '&' | '"' | '\'' | '/' => 6,
        '\n' => 5,
        _ => c.len_utf8(),
    }
}
