//! From an event to what the person reads: subject, text and HTML.

use std::sync::Arc;

use eventcenter_core::metrics::EMAIL_TEMPLATE_FAILURES;
use metrics::counter;

use super::site::Site;
use super::templates::Templates;
use super::view::{Subject, View};

#[cfg(test)]
mod tests;

/// A mail's content, before it is MIME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub subject: String,
    /// For programs that show no HTML.
    pub text: String,
    /// Under 100 KB.
    pub html: String,
}

/// Turns events into mails.
#[derive(Debug)]
pub(super) struct Renderer {
    pub(super) templates: Arc<Templates>,
    pub(super) site: Site,
}

impl Renderer {
    /// Writes the mail. When the operator's template fails on this event, the built-in one writes it.
    pub(super) fn render(&self, subject: Subject<'_>) -> Result<Content, minijinja::Error> {
        let view = || View::of(subject, &self.site);
        let write =
            |set: &super::templates::Set| set.write(&subject.event.kind, subject.facts.service(), subject.locale, view);
        if let Some(own) = self.templates.own() {
            match write(&own) {
                Ok(content) => return Ok(content),
                Err(error) => {
                    tracing::error!(
                        event.id = %subject.event.id, kind = subject.event.kind, %error,
                        "a mail template failed; the built-in one is used"
                    );
                    counter!(EMAIL_TEMPLATE_FAILURES).increment(1);
                }
            }
        }
        write(self.templates.builtin())
    }
}
