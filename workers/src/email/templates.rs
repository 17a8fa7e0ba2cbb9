//! The templates of mail: those that are built in, and an operator's folder over them.
//!
//! A folder is read whole, compiled, and rendered against samples of every type before it takes the place of the last
//! good one. Until then, and when a template fails on a real event, what is built in writes the mail: a broken folder
//! stops none.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventcenter_core::metrics::EMAIL_TEMPLATES_BROKEN;
use metrics::gauge;
use url::Url;

use super::render::Content;
use super::site::Site;
use super::view::{Subject, View};
pub use folder::FolderError;
use folder::{Fingerprint, Folder};
use samples::Samples;
pub(super) use set::Set;

mod folder;
mod samples;
mod set;
#[cfg(test)]
mod tests;

/// How often the folder is looked at.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The languages of what is built in.
const LOCALES: [&str; 2] = ["en", "ru"];

/// What is wrong with an operator's templates.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The folder cannot be read, or holds what is no template.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A template does not compile.
    #[error("{name} does not compile: {reason}")]
    Syntax {
        /// Which file.
        name: String,
        /// What the compiler says, and in which line.
        reason: String,
    },
    /// A template fails on the sample of its type.
    #[error("{name} in {locale} cannot be rendered: {reason}")]
    Sample {
        /// Which template.
        name: String,
        /// In which language.
        locale: String,
        /// What went wrong.
        reason: String,
    },
    /// Nothing of that name.
    #[error("there is no template {0}: `eventcenter template list` says which there are")]
    Unknown(String),
}

/// All templates of a process.
#[derive(Debug)]
pub struct Templates {
    builtin: Set,
    folder: Option<PathBuf>,
    state: Mutex<State>,
}

/// The operator's folder: what is in use, and what it was made of.
#[derive(Debug, Default)]
struct State {
    own: Option<Arc<Set>>,
    samples: Samples,
    seen: Option<Fingerprint>,
    broken: Option<Arc<TemplateError>>,
}

impl Templates {
    /// What is built in, and the folder over it, if there is one and it is sound. Fails only if what is built in is not.
    pub fn new(folder: Option<PathBuf>) -> Result<Self, TemplateError> {
        let templates = Self { builtin: Set::builtin()?, folder, state: Mutex::default() };
        templates.refresh();
        Ok(templates)
    }

    /// Looks at the folder and takes it into use if it has changed and is sound. Reads files: not for async code.
    pub fn refresh(&self) {
        let Some(path) = &self.folder else { return };
        let seen = Fingerprint::of(path);
        if self.state().seen.as_ref() == Some(&seen) {
            return;
        }
        let loaded = load(path);
        let mut state = self.state();
        state.seen = Some(seen);
        match loaded {
            Ok((set, samples)) => {
                tracing::info!(folder = %path.display(), "mail templates loaded");
                gauge!(EMAIL_TEMPLATES_BROKEN).set(0);
                (state.own, state.samples, state.broken) = (Some(Arc::new(set)), samples, None);
            }
            Err(error) => {
                tracing::error!(folder = %path.display(), %error, "mail templates are broken; the last good ones are used");
                gauge!(EMAIL_TEMPLATES_BROKEN).set(1);
                state.broken = Some(Arc::new(error));
            }
        }
    }

    /// What is wrong with the folder as it was at the last look.
    pub fn broken(&self) -> Option<Arc<TemplateError>> {
        self.state().broken.clone()
    }

    /// Every template that there is a sample for: name and language.
    pub fn list(&self) -> Vec<(String, String)> {
        let mut names = self.builtin.names();
        names.extend(self.state().own.iter().flat_map(|own| own.names()));
        names.sort_unstable();
        names.dedup();
        let with_locales = |name: String| LOCALES.map(|locale| (name.clone(), locale.to_owned()));
        names.into_iter().flat_map(with_locales).collect()
    }

    /// Renders a template, `type` or `type+service`, with its sample. `app_url` is where its links lead.
    pub fn preview(&self, name: &str, locale: &str, app_url: &Url) -> Result<Content, TemplateError> {
        if !self.list().iter().any(|(known, _)| known == name) {
            return Err(TemplateError::Unknown(name.to_owned()));
        }
        let (own, samples) = {
            let state = self.state();
            (state.own.clone(), state.samples.clone())
        };
        sample(own.as_deref().unwrap_or(&self.builtin), &samples, name, locale, app_url)
    }

    pub(super) const fn builtin(&self) -> &Set {
        &self.builtin
    }

    pub(super) fn own(&self) -> Option<Arc<Set>> {
        self.state().own.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a folder, compiles it, and renders every template in every language.
fn load(path: &Path) -> Result<(Set, Samples), TemplateError> {
    let folder = Folder::read(path)?;
    let samples = Samples::with(&folder)?;
    let set = Set::with(&folder)?;
    // Any site will do: the links of a sample are not followed.
    let app_url = Url::parse("https://app.example.org").map_err(|error| TemplateError::Unknown(error.to_string()))?;
    for name in set.names() {
        for locale in set.locales() {
            sample(&set, &samples, &name, &locale, &app_url)?;
        }
    }
    Ok((set, samples))
}

fn sample(set: &Set, samples: &Samples, name: &str, locale: &str, app_url: &Url) -> Result<Content, TemplateError> {
    let failed = |reason: String| TemplateError::Sample { name: name.to_owned(), locale: locale.to_owned(), reason };
    let site = Site::new(app_url.clone(), "/app").ok_or_else(|| failed("the app URL leads nowhere".to_owned()))?;
    let unsubscribe = app_url.join("/unsubscribe/sample").ok().map(String::from);
    let event = samples.event(name, locale);
    let facts = super::facts::Facts::of(&event);
    let subject =
        Subject { event: &event, facts: &facts, locale, name: Some("Anna"), unsubscribe: unsubscribe.as_deref() };
    let service = name.split_once('+').map(|(_, service)| service);
    set.write(&event.kind, service, locale, || View::of(subject, &site)).map_err(|error| failed(set::describe(&error)))
}
