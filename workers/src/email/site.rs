//! Where the buttons of a mail may lead.

use url::Url;

/// The application that links lead to.
#[derive(Clone, Debug)]
pub(super) struct Site {
    app_url: Url,
    fallback: Url,
}

impl Site {
    /// `app_url` is http(s); `fallback` is a path of it.
    pub(super) fn new(app_url: Url, fallback: &str) -> Option<Self> {
        let fallback = app_url.join(fallback).ok().filter(|url| url.origin() == app_url.origin())?;
        Some(Self { app_url, fallback })
    }

    /// The application's host, as people know it.
    pub(super) fn host(&self) -> &str {
        self.app_url.host_str().unwrap_or_default()
    }

    /// Where the button leads without a target, or with one that leads nowhere.
    pub(super) const fn fallback(&self) -> &Url {
        &self.fallback
    }

    /// An http(s) URL, or a path of the app's own site. `None` for anything else, and for a URL that dresses up its
    /// host with a user name (`https://bank.example@evil.example`).
    pub(super) fn resolve(&self, target: &str) -> Option<Url> {
        let url = self.app_url.join(target).ok()?;
        let stays_home = !target.starts_with('/') || url.origin() == self.app_url.origin();
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_web && is_plain && stays_home).then_some(url)
    }

    /// The application's page of an action: `/actions/{action_id}`, with `?option=` chosen but not yet sent. Opening it
    /// answers nothing: mail programs and scanners open links by themselves.
    pub(super) fn action(&self, action_id: &str, option: Option<&str>) -> Option<Url> {
        let mut url = self.app_url.join("/actions/").ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().push(action_id);
        if let Some(option) = option {
            url.query_pairs_mut().append_pair("option", option);
        }
        // A name of dots alone would be a path of its own.
        let is_a_segment = url.path().len() > "/actions/".len();
        is_a_segment.then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::new(Url::parse("https://app.example.org").unwrap(), "/app").unwrap()
    }

    #[test]
    fn an_action_s_id_and_option_stay_where_they_belong() {
        let url = |id, option| site().action(id, option).map(String::from);

        assert_eq!(url("a-7", None).as_deref(), Some("https://app.example.org/actions/a-7"));
        assert_eq!(
            url("a/../b?x", Some("да & нет")).as_deref(),
            Some("https://app.example.org/actions/a%2F..%2Fb%3Fx?option=%D0%B4%D0%B0+%26+%D0%BD%D0%B5%D1%82")
        );
        assert_eq!(url("..", None), None);
    }

    #[test]
    fn a_fallback_elsewhere_is_none() {
        let app_url = Url::parse("https://app.example.org").unwrap();

        assert!(Site::new(app_url.clone(), "//evil.example").is_none());
        assert!(Site::new(app_url, "javascript:alert(1)").is_none());
    }
}
