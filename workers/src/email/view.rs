//! What a template may use. A name that is not here fails the rendering instead of leaving a hole.

use eventcenter_core::event::Event;
use jiff::fmt::strtime;
use serde::Serialize;
use serde_json::Value;

use super::digest::{DIGEST, Digest};
use super::facts::Facts;
use super::site::Site;
use super::text::{cost, one_line, plain, shown};
use super::wording::Wording;

/// Longest body in the HTML part, in bytes after escaping, and all items of a digest together. What is beyond is cut
/// there, because Gmail hides the rest of a mail, button included, from 102 KB on. The text part has it whole.
const SHOWN_MAX: usize = 52_000;
/// What an item of a digest costs besides its texts, in bytes.
const ITEM_COST: usize = 400;
/// Longest preview line, in characters: mail programs show less.
const PREVIEW_MAX: usize = 120;

/// An event as a template sees it.
#[derive(Debug, Serialize)]
pub(super) struct View<'a> {
    /// The layout to extend: `layout.html` or `layout.txt`.
    layout: &'static str,
    lang: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    service: Option<&'a str>,
    title: String,
    level: &'a str,
    level_name: &'a str,
    body: String,
    lines: Vec<String>,
    preview: String,
    /// The recipient's name.
    name: Option<&'a str>,
    button: Option<Button>,
    options: Vec<Button>,
    groups: Vec<Group>,
    more: u64,
    created_at: String,
    expires_at: Option<String>,
    app_url: &'a str,
    host: &'a str,
    unsubscribe_url: Option<&'a str>,
    words: &'a Wording,
    data: &'a Value,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Button {
    /// The producer's own; without it the template has one.
    label: Option<String>,
    url: String,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    items: Vec<Item>,
    more: u64,
}

#[derive(Debug, Serialize)]
struct Item {
    title: String,
    url: Option<String>,
    at: Option<String>,
    count: u64,
}

/// Whose mail it is, and what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) event: &'a Event,
    pub(super) facts: &'a Facts,
    /// A BCP 47 tag.
    pub(super) locale: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) unsubscribe: Option<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn of(subject: Subject<'a>, site: &'a Site) -> Self {
        let Subject { event, facts, locale, name, unsubscribe } = subject;
        let words = Wording::of(locale);
        let body = plain(&event.body);
        let (groups, more) = if event.kind == DIGEST { groups(facts, site) } else { (Vec::new(), 0) };
        Self {
            layout: "layout.html",
            lang: words.lang,
            kind: &event.kind,
            service: facts.service(),
            title: one_line(&event.title),
            level: event.level.as_str(),
            level_name: words.level(event.level),
            lines: shown(&body, SHOWN_MAX).split('\n').map(str::to_owned).collect(),
            preview: one_line(&body).chars().take(PREVIEW_MAX).collect(),
            body,
            name,
            options: options(event, facts, site),
            button: Some(button(event, facts, site)),
            groups,
            more,
            created_at: moment(event.created_at),
            expires_at: event.expires_at.map(moment),
            app_url: site.fallback().as_str(),
            host: site.host(),
            unsubscribe_url: unsubscribe,
            words,
            data: facts.all(),
        }
    }

    /// The same for the text part.
    pub(super) fn into_text(mut self) -> Self {
        self.layout = "layout.txt";
        self
    }
}

/// Where the mail leads: the cta, else the page of an action that awaits an answer, else the application.
fn button(event: &Event, facts: &Facts, site: &Site) -> Button {
    let cta = event.cta.as_ref();
    let target = match cta {
        Some(cta) => site.resolve(&cta.url),
        None => facts.action_id().and_then(|id| site.action(&id, None)),
    };
    Button { label: cta.map(|cta| one_line(&cta.label)), url: target.unwrap_or_else(|| site.fallback().clone()).into() }
}

fn options(event: &Event, facts: &Facts, site: &Site) -> Vec<Button> {
    let Some(action_id) = facts.action_id().filter(|_| event.kind == "action.required") else { return Vec::new() };
    let choices = facts.choices().into_iter();
    choices
        .filter_map(|choice| {
            let url = site.action(&action_id, Some(&choice.value))?.into();
            Some(Button { label: Some(choice.label), url })
        })
        .collect()
}

/// The digest's groups as far as they fit, and how many items are in none of them.
fn groups(facts: &Facts, site: &Site) -> (Vec<Group>, u64) {
    let digest = Digest::deserialize_or_empty(facts.all());
    let mut left = SHOWN_MAX;
    let groups = digest.groups.into_iter().map(|group| {
        let mut more = group.more;
        let mut items = Vec::new();
        for item in group.items {
            let url = item.url.and_then(|url| site.resolve(&url)).map(String::from);
            let item = Item { title: one_line(&item.title), url, at: item.at, count: item.count.unwrap_or(1) };
            match left.checked_sub(item.cost()) {
                Some(rest) => {
                    left = rest;
                    items.push(item);
                }
                None => more = more.saturating_add(item.count),
            }
        }
        Group { name: one_line(&group.name), items, more }
    });
    (groups.collect(), digest.more)
}

impl Digest {
    /// Whoever emits events may emit this type, too; what is no digest has no items.
    fn deserialize_or_empty(data: &Value) -> Self {
        serde::Deserialize::deserialize(data).unwrap_or_default()
    }
}

impl Item {
    fn cost(&self) -> usize {
        let texts = [Some(&self.title), self.url.as_ref(), self.at.as_ref()];
        ITEM_COST + texts.into_iter().flatten().map(|text| cost(text)).sum::<usize>()
    }
}

/// `2026-11-23 09:00 UTC`: people of every zone can tell what it means.
fn moment(at: jiff::Timestamp) -> String {
    strtime::format("%Y-%m-%d %H:%M UTC", at).unwrap_or_default()
}
