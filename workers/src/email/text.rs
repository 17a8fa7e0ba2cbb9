//! Other people's text, made fit for a header, a line or a page.

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
pub(super) fn plain(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(|c| !reorders(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}

/// The explicit bidirectional controls (UAX #9): text in one direction or the other needs none of them.
const fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// As much of a text as costs at most `budget` bytes in HTML.
pub(super) fn shown(text: &str, budget: usize) -> String {
    let mut size = 0;
    let mut rest = text.chars();
    let fitting: String = rest
        .by_ref()
        .take_while(|c| {
            size += escaped_len(*c);
            size <= budget
        })
        .collect();
    let is_whole = fitting.len() == text.len();
    if is_whole { fitting } else { fitting + "…" }
}

/// What a text costs in HTML, in bytes.
pub(super) fn cost(text: &str) -> usize {
    text.chars().map(escaped_len).sum()
}

/// What a character costs in HTML: the longest escape is `&quot;`, and a line ends with `<br>`.
const fn escaped_len(c: char) -> usize {
    match c {
        '<' | '>' | '&' | '"' | '\'' | '/' => 6,
        '\n' => 5,
        _ => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_that_nothing_reorders() {
        assert_eq!(one_line(" a\r\nBcc: b\u{202e}c\u{2028}d\0 "), "a  Bcc: bc d");
    }

    #[test]
    fn what_is_cut_ends_in_dots() {
        assert_eq!(shown("ab", 2), "ab");
        assert_eq!(shown("ab", 1), "a…");
        assert_eq!(shown("<b", 6), "<…");
        assert_eq!(cost("<\nщ"), 6 + 5 + 2);
    }
}
