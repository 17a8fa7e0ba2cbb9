//! A last look at what a template made: no link of a mail runs a program.

/// Attributes that a click or a look follows.
const FOLLOWED: [&str; 5] = ["href", "src", "action", "formaction", "background"];
/// What they may lead to. A `#` stays in the mail.
const ALLOWED: [&str; 6] = ["http:", "https:", "mailto:", "cid:", "data:image/", "#"];

/// The first link in `html` that leads anywhere else. Only a template can write one: the links of events are resolved
/// before it sees them, but `data` is what the producer says. What autoescaping wrote never opens or ends a tag.
pub(super) fn unsafe_link(html: &str) -> Option<String> {
    html.split('<').skip(1).find_map(|rest| {
        let mut tag = Tag(rest.trim_start_matches(|c: char| !c.is_whitespace() && !matches!(c, '>' | '/')));
        std::iter::from_fn(|| tag.attribute()).find_map(|(name, value)| {
            let followed = FOLLOWED.iter().any(|known| name.eq_ignore_ascii_case(known));
            // Browsers leave out white space and controls in a scheme.
            let value: String = value.chars().filter(|c| !c.is_control() && *c != ' ').collect();
            let value = value.to_ascii_lowercase();
            let is_fine = value.is_empty() || ALLOWED.iter().any(|scheme| value.starts_with(scheme));
            (followed && !is_fine).then_some(value)
        })
    })
}

/// What follows a tag's name, read attribute by attribute.
struct Tag<'a>(&'a str);

impl<'a> Tag<'a> {
    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        let ends_name = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
        let start = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let (name, rest) = start.split_at(start.find(ends_name).unwrap_or(start.len()));
        if name.is_empty() {
            return None;
        }
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
            self.0 = rest;
            return Some((name, ""));
        };
        let quoted =
            value.strip_prefix('"').map(|value| (value, '"')).or_else(|| value.strip_prefix('\'').map(|v| (v, '\'')));
        let (value, rest) = match quoted {
            Some((value, quote)) => value.split_once(quote).unwrap_or((value, "")),
            None => value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len())),
        };
        self.0 = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::unsafe_link;

    #[test]
    fn a_link_that_runs_something_is_found_however_it_is_written() {
        for html in [
            r#"<a class="x" href="javascript:alert(1)">"#,
            "<a href='JaVa\tScRiPt:x'>",
            "<a\nhref = \" javascript:x\">",
            "<a href=vbscript:x>",
            "<img alt src=\"data:text/html,x\"/>",
            "<form action=\"/login\">",
            "<a href=\"&#106;avascript:x\">",
            "<p><br/><a/href=javascript:x>",
        ] {
            assert!(unsafe_link(html).is_some(), "{html}");
        }
    }

    #[test]
    fn links_of_the_web_and_what_only_looks_like_a_link_are_fine() {
        let html = concat!(
            r#"<a href="https:&#x2f;&#x2f;example.org&#x2f;?href=javascript:x">href="javascript:x" &lt;a href=x&gt;"#,
            r#"</a><a href=mailto:a@b.c title="src=y"><img src="cid:1"><a href="">"#
        );

        assert_eq!(unsafe_link(html), None);
    }
}
