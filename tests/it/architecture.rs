//! What the layout promises, and the compiler cannot hold: who may name what, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

use eventcenter_core::metrics;

const FILE_MAX: usize = 300;

/// Every file with this extension below these places, with its text.
fn files(places: &[&str], extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = places.iter().map(|place| root.join(place)).collect();
    let mut files = Vec::new();
    while let Some(path) = found.pop() {
        if path.is_dir() {
            found.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == extension) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!files.is_empty(), "nothing found in {places:?}: has the layout changed?");
    files
}

/// Fails on every file in `places` that names one of `words`, comments left out.
fn must_not_name(places: &[&str], words: &[&str], except: &[&str]) {
    let mut wrong = Vec::new();
    for (name, text) in files(places, "rs") {
        if except.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (word, line) in code.flat_map(|line| words.iter().map(move |word| (word, line))) {
            if line.contains(word) {
                wrong.push(format!("{name} names {word}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_store_speaks_sql() {
    must_not_name(&["core/src", "workers/src", "src"], &["sqlx::"], &["core/src/store", "src/postgres/tests"]);
}

#[test]
fn what_an_event_and_a_delivery_are_knows_no_database_and_no_waiting() {
    let pure =
        ["event.rs", "event", "delivery.rs", "delivery", "retry.rs", "id.rs"].map(|file| format!("core/src/{file}"));

    must_not_name(&pure.each_ref().map(String::as_str), &["sqlx", "axum", ".await", "async fn"], &[]);
}

#[test]
fn channels_never_touch_the_store() {
    let channels = ["workers/src/push.rs", "workers/src/push", "workers/src/email.rs", "workers/src/email"];

    // TLS has a `RootCertStore`, which is another thing.
    must_not_name(&channels, &[" Store", "&Store", "<Store", "store::"], &[]);
}

#[test]
fn http_and_ws_do_not_import_each_other() {
    must_not_name(&["src/http.rs", "src/http"], &["crate::ws"], &[]);
    must_not_name(&["src/ws.rs", "src/ws"], &["crate::http"], &[]);
}

#[test]
fn only_config_reads_the_environment() {
    must_not_name(
        &["core/src", "workers/src", "src"],
        &["env::var", "env::vars"],
        &["src/config", "src/postgres/tests"],
    );
}

#[test]
fn unsafe_code_lives_in_one_file() {
    must_not_name(
        &["core/src", "workers/src", "src"],
        &["unsafe {", "unsafe fn", "unsafe_code"],
        &["src/postgres/process.rs", "core/src/lib.rs", "workers/src/lib.rs"],
    );
}

#[test]
fn files_stay_short() {
    let rust = files(&["core/src", "workers/src", "src", "tests/it"], "rs");
    let scripts = files(&["static", "tests/browser/support", "tests/browser/pages"], "js");
    let long: Vec<String> = rust
        .into_iter()
        .chain(scripts)
        .filter_map(|(name, text)| Some((name, text.lines().count())).filter(|(_, lines)| *lines > FILE_MAX))
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();

    assert!(long.is_empty(), "over {FILE_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn the_browser_side_makes_no_html_of_texts() {
    let sinks = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"];
    let wrong: Vec<String> = files(&["static"], "js")
        .into_iter()
        .filter(|(_, text)| sinks.iter().any(|sink| text.contains(sink)))
        .map(|(name, _)| name)
        .collect();

    assert!(wrong.is_empty(), "what an event says is text: {wrong:?}");
}

#[test]
fn every_metric_in_grafana_exists() {
    let mut unknown = Vec::new();
    for (name, text) in files(&["grafana"], "json").into_iter().chain(files(&["grafana"], "yml")) {
        for word in text.split(|c: char| !c.is_ascii_lowercase() && c != '_') {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
            let is_known = metrics::ALL.iter().any(|metric| metric.name == word || Some(metric.name) == base);
            if word.starts_with("eventcenter_") && !is_known {
                unknown.push(format!("{name}: {word}"));
            }
        }
    }

    assert!(unknown.is_empty(), "declare them in core/src/metrics.rs:\n{}", unknown.join("\n"));
}

#[test]
fn every_metric_is_drawn_or_alerted_on() {
    let grafana: String =
        files(&["grafana"], "json").into_iter().chain(files(&["grafana"], "yml")).map(|(_, text)| text).collect();

    let forgotten: Vec<&str> =
        metrics::ALL.iter().map(|metric| metric.name).filter(|name| !grafana.contains(name)).collect();

    assert!(forgotten.is_empty(), "nobody sees {forgotten:?}");
}
