//! Compiled templates, and which of them writes a mail.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::{self, Write};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::TemplateError;
use super::folder::Folder;
use crate::email::render::Content;
use crate::email::text::one_line;
use crate::email::view::View;

/// Instructions that a part may take: a long body takes a third of them, an endless loop all, in some milliseconds.
const FUEL: u64 = 500_000;
/// Largest part, in bytes: Gmail hides what is beyond 102 KB. A template that writes more fails.
const PART_MAX: usize = 100_000;
/// Longest subject, in characters: mail programs show less. The rest is cut.
const SUBJECT_MAX: usize = 200;
/// Who has no template of their own gets this one.
const DEFAULT: &str = "default";
/// The last language to be tried.
const LAST_LOCALE: &str = "en";

/// What is built in, by file name. A `.jinja` file is both parts: its blocks hold plain text.
const BUILTIN: &[(&str, &str)] = &[
    ("layout.html", include_str!("builtin/layout.html")),
    ("layout.txt", include_str!("builtin/layout.txt")),
    ("default/en.jinja", include_str!("builtin/default/en.jinja")),
    ("default/ru.jinja", include_str!("builtin/default/ru.jinja")),
    ("job.done/en.jinja", include_str!("builtin/job.done/en.jinja")),
    ("job.done/ru.jinja", include_str!("builtin/job.done/ru.jinja")),
    ("action.required/en.jinja", include_str!("builtin/action.required/en.jinja")),
    ("action.required/ru.jinja", include_str!("builtin/action.required/ru.jinja")),
    ("reminder.due/en.jinja", include_str!("builtin/reminder.due/en.jinja")),
    ("reminder.due/ru.jinja", include_str!("builtin/reminder.due/ru.jinja")),
    ("system.alert/en.jinja", include_str!("builtin/system.alert/en.jinja")),
    ("system.alert/ru.jinja", include_str!("builtin/system.alert/ru.jinja")),
    ("task.created/en.jinja", include_str!("builtin/task.created/en.jinja")),
    ("task.created/ru.jinja", include_str!("builtin/task.created/ru.jinja")),
    ("digest/en.jinja", include_str!("builtin/digest/en.jinja")),
    ("digest/ru.jinja", include_str!("builtin/digest/ru.jinja")),
];

/// Templates that are used together.
#[derive(Debug)]
pub(in crate::email) struct Set {
    templates: Environment<'static>,
    /// Their files' names, languages in lower case.
    files: BTreeSet<String>,
}

impl Set {
    pub(super) fn builtin() -> Result<Self, TemplateError> {
        let mut set = Self::empty();
        for (name, source) in BUILTIN {
            set.add(name, source)?;
        }
        Ok(set)
    }

    /// What is built in, with the folder's files in place of their namesakes, and its others beside them.
    pub(super) fn with(folder: &Folder) -> Result<Self, TemplateError> {
        let mut set = Self::builtin()?;
        for (name, source) in folder.templates() {
            set.add(name, source)?;
        }
        Ok(set)
    }

    fn empty() -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_trim_blocks(true);
        templates.set_lstrip_blocks(true);
        templates.set_fuel(Some(FUEL));
        templates.set_auto_escape_callback(|name| {
            if name.rsplit('.').next() == Some("txt") { AutoEscape::None } else { AutoEscape::Html }
        });
        Self { templates, files: BTreeSet::new() }
    }

    fn add(&mut self, name: &str, source: &str) -> Result<(), TemplateError> {
        let parts = match name.strip_suffix(".jinja") {
            Some(stem) => vec![format!("{stem}.html"), format!("{stem}.txt")],
            None => vec![name.to_owned()],
        };
        for part in parts {
            self.templates
                .add_template_owned(part.clone(), source.to_owned())
                .map_err(|error| TemplateError::Syntax { name: name.to_owned(), reason: describe(&error) })?;
            self.files.insert(part);
        }
        Ok(())
    }

    /// The names that have a file of their own: `type` and `type+service`.
    pub(super) fn names(&self) -> Vec<String> {
        let folders: BTreeSet<&str> = self.files.iter().filter_map(|file| Some(file.split_once('/')?.0)).collect();
        folders.into_iter().map(str::to_owned).collect()
    }

    /// The languages that any of them is in.
    pub(super) fn locales(&self) -> BTreeSet<String> {
        let stems = self.files.iter().filter_map(|file| file.split_once('/')?.1.rsplit_once('.'));
        stems.map(|(locale, _)| locale.to_owned()).collect()
    }

    /// Writes a mail by the most special template there is.
    pub(in crate::email) fn write<'a>(
        &self,
        kind: &str,
        service: Option<&str>,
        locale: &str,
        view: impl Fn() -> View<'a>,
    ) -> Result<Content, Error> {
        let html = self.part(&self.find(kind, service, locale, "html")?, &view())?;
        if let Some(link) = crate::email::markup::unsafe_link(&html) {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("a link is neither http(s) nor mailto: {link}"),
            ));
        }
        let text = self.part(&self.find(kind, service, locale, "txt")?, &view().into_text())?;
        let (subject, text) = text
            .strip_prefix("Subject:")
            .map(|text| text.split_once('\n').unwrap_or((text, "")))
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the text part must begin with `Subject: …`"))?;
        let subject = one_line(subject).chars().take(SUBJECT_MAX).collect();
        Ok(Content { subject, text: text.trim_start_matches('\n').to_owned(), html })
    }

    /// type+service → type → default, and within each `ru-ru` → `ru` → `en`.
    fn find(&self, kind: &str, service: Option<&str>, locale: &str, part: &str) -> Result<String, Error> {
        let locale = locale.replace('_', "-").to_ascii_lowercase();
        let language = locale.split('-').next().unwrap_or_default();
        let special = service.map(|service| format!("{kind}+{service}"));
        let names = special.as_deref().into_iter().chain([kind, DEFAULT]);
        names
            .flat_map(|name| [&locale, language, LAST_LOCALE].map(|locale| format!("{name}/{locale}.{part}")))
            .find(|file| self.files.contains(file))
            .ok_or_else(|| Error::new(ErrorKind::TemplateNotFound, format!("no {part} for {kind}")))
    }

    fn part(&self, file: &str, view: &View<'_>) -> Result<String, Error> {
        let mut page = Page(Vec::new());
        self.templates.get_template(file)?.render_captured_to(view, &mut page)?;
        String::from_utf8(page.0).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    }
}

/// What a template has written so far, within bounds.
struct Page(Vec<u8>);

impl Write for Page {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.0.len() + text.len() > PART_MAX {
            return Err(io::Error::other(format!("longer than {PART_MAX} bytes")));
        }
        self.0.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error with its causes, in one line.
pub(super) fn describe(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    one_line(&words)
}
