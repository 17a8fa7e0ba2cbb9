//! `eventcenter template`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use eventcenter_workers::email::{TemplateError, Templates};
use serde_json::json;
use url::Url;

use super::output::{Format, say, say_json, say_table};
use super::{Error, Verdict};

/// Try out mail templates: those that are built in, and your own over them.
///
/// Your folder may hold TYPE/LOCALE.html and .txt (job.done/ru.html), or both parts in one TYPE/LOCALE.jinja;
/// TYPE+SERVICE/… where events say data.service; layout.html and layout.txt in place of the built-in ones; and
/// TYPE/fixture.json with fields of the sample event that the template is tried with. A text part begins with
/// `Subject: …`. A running server takes sound changes into use by itself.
#[derive(Debug, Subcommand)]
pub(super) enum Template {
    /// Show which templates there are.
    List(List),
    /// Compile every template and try it with its sample. Exit status 1 when one is broken.
    Check(Check),
    /// Print a template, rendered with its sample.
    Preview(Preview),
}

#[derive(Args, Debug)]
struct Folder {
    /// Your folder of templates. Default: what is built in, alone.
    #[arg(long, env = "EVENTCENTER_TEMPLATES", value_name = "DIR")]
    templates: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    format: Format,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args, Debug)]
pub(super) struct Preview {
    /// A type, or TYPE+SERVICE: job.done, job.done+photos.
    name: String,
    /// The language: en, ru, ru-RU.
    #[arg(long, default_value = "en", value_name = "LOCALE")]
    locale: String,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Part::Text)]
    part: Part,
    /// Where links lead.
    #[arg(long, env = "EVENTCENTER_APP_URL", value_name = "URL", default_value = "https://app.example.org")]
    app_url: Url,
    #[command(flatten)]
    folder: Folder,
}

/// What of a mail to print.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// The subject and the text.
    Text,
    /// The HTML, to be opened in a browser.
    Html,
}

impl Template {
    pub(super) fn run(self) -> Result<Verdict, Error> {
        match self {
            Self::List(List { folder, format }) => list(&folder.load()?, format),
            Self::Check(Check { folder }) => check(&folder.load()?),
            Self::Preview(preview) => preview.run(),
        }
    }
}

impl Folder {
    fn load(self) -> Result<Templates, TemplateError> {
        Templates::new(self.templates)
    }
}

fn list(templates: &Templates, format: Format) -> Result<Verdict, Error> {
    let listed = templates.list();
    if format.json {
        let json: Vec<_> = listed.iter().map(|(name, locale)| json!({"name": name, "locale": locale})).collect();
        say_json(&json)?;
    } else {
        let rows: Vec<[String; 2]> = listed.into_iter().map(<[String; 2]>::from).collect();
        say_table(["name", "locale"], &rows)?;
    }
    Ok(Verdict::Holds)
}

fn check(templates: &Templates) -> Result<Verdict, Error> {
    if let Some(error) = templates.broken() {
        say(format_args!("broken: {error}"))?;
        return Ok(Verdict::DoesNot);
    }
    say(format_args!("ok: {} mails can be written", templates.list().len()))?;
    Ok(Verdict::Holds)
}

impl Preview {
    fn run(self) -> Result<Verdict, Error> {
        let templates = self.folder.load()?;
        if let Some(error) = templates.broken() {
            return Err(Error::Impossible(error.to_string()));
        }
        let content = templates.preview(&self.name, &self.locale, &self.app_url)?;
        match self.part {
            Part::Text => say(format_args!("Subject: {}\n\n{}", content.subject, content.text))?,
            Part::Html => say(content.html)?,
        }
        Ok(Verdict::Holds)
    }
}
