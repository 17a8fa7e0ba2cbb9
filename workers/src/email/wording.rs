//! The fixed texts of a mail. Title, body and button text are the producer's.

use eventcenter_core::event::Level;
use serde::Serialize;

/// The fixed texts of one language.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wording {
    /// The language, for `lang` in HTML.
    pub(super) lang: &'static str,
    /// The button's text when the event brings no cta.
    pub(super) open: &'static str,
    /// Why this mail came; followed by the app's host name.
    pub(super) footer: &'static str,
    /// The link that leaves a category of mail.
    pub(super) unsubscribe: &'static str,
    /// How many items a digest leaves out, in place of `{n}`.
    pub(super) more: &'static str,
    info: &'static str,
    warning: &'static str,
    error: &'static str,
    critical: &'static str,
}

const EN: Wording = Wording {
    lang: "en",
    open: "Open",
    footer: "You get this message because you have an account at",
    unsubscribe: "Unsubscribe from messages like this",
    more: "and {n} more",
    info: "Information",
    warning: "Warning",
    error: "Error",
    critical: "Critical",
};

const RU: Wording = Wording {
    lang: "ru",
    open: "Открыть",
    footer: "Вы получили это письмо, потому что у вас есть учётная запись на",
    unsubscribe: "Отписаться от таких писем",
    more: "и ещё {n}",
    info: "Информация",
    warning: "Предупреждение",
    error: "Ошибка",
    critical: "Критично",
};

impl Wording {
    /// The texts for a BCP 47 tag, by its language alone: `ru-KZ` is served in Russian. Others read English.
    pub(super) fn of(locale: &str) -> &'static Self {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case(RU.lang) { &RU } else { &EN }
    }

    /// What the person reads for a level.
    pub(super) const fn level(&self, level: Level) -> &'static str {
        match level {
            Level::Info => self.info,
            Level::Warning => self.warning,
            Level::Error => self.error,
            Level::Critical => self.critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_alone_decides() {
        for russian in ["ru", "ru-RU", "RU", "ru_KZ"] {
            assert_eq!(Wording::of(russian).lang, "ru", "{russian}");
        }
        for other in ["en", "en-GB", "run", "de", ""] {
            assert_eq!(Wording::of(other).lang, "en", "{other}");
        }
    }
}
