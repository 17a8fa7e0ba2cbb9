//! The README's tour, word for word: its commands are run, and they must print what it shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::eventually::{SOON, eventually};

/// A command of the tour, and what the README says that it prints.
#[derive(Debug, Default)]
struct Step {
    command: String,
    shown: String,
}

/// The steps of the `console` blocks under the tour's heading. A command goes on while its quotes are open, or until
/// its here-document ends.
fn tour() -> Vec<Step> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, tour) = readme.split_once("## A tour in two minutes").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let mut steps: Vec<Step> = Vec::new();
    for block in tour.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), ..Step::default() }),
                (None, Some(step)) if is_open(&step.command) => step.command.extend(["\n", line]),
                (None, Some(step)) => step.shown.extend([line, "\n"]),
                (None, None) => panic!("the tour shows output before any command: {line}"),
            }
        }
    }
    steps
}

fn is_open(command: &str) -> bool {
    let in_quotes = command.matches('\'').count() % 2 == 1;
    let in_document = command.contains("<<'SQL'") && !command.ends_with("\nSQL");
    in_quotes || in_document
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Ids, times and durations differ from run to run.
fn without_moments(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let masked = line.split(' ').map(|word| {
            let is_time = word.len() >= 20 && word.ends_with('Z') && word.contains('T');
            let is_id = word.starts_with("evt_");
            if is_time || is_id { "…" } else { word }
        });
        let line = masked.collect::<Vec<_>>().join(" ");
        let is_try = line.trim_start().starts_with("…  try");
        words.push(if is_try { line.rsplit_once("  ").unwrap().0.to_owned() } else { line });
    }
    words.join("\n")
}

#[tokio::test]
async fn the_tour_works_word_for_word() {
    let home = Home::make();
    let binary = Path::new(env!("CARGO_BIN_EXE_eventcenter"));
    let mut engine = Command::new(binary)
        .args(["dev", "--listen", "127.0.0.1:0"])
        .current_dir(&home.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let dev_json = home.0.join(".dev/dev.json");
    eventually(SOON, || async { dev_json.exists().then_some(()) }).await;
    let path = std::env::var_os("PATH").unwrap();
    let places = binary.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(places).unwrap();

    let mut script = String::new();
    for step in tour() {
        let is_assignment = step.command.starts_with("export ") || step.command.starts_with("DATABASE_URL=");
        if is_assignment {
            script.extend([&step.command, "\n"]);
            continue;
        }
        let said = Command::new("sh")
            .arg("-c")
            .arg(format!("{script}\n{} 2>&1", once_done(&step.command)))
            .env("PATH", &path)
            .current_dir(&home.0)
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(without_moments(&said), without_moments(&step.shown), "$ {}", step.command);
    }

    engine.kill().unwrap();
    engine.wait().unwrap();
}

/// A person needs a second to read and type; a test does not, and then push and mail are still on their way.
fn once_done(command: &str) -> String {
    if command.starts_with("eventcenter status") {
        let settled =
            "until eventcenter audit | grep -q 'email *1 *0 *0 *1' && eventcenter audit | grep -q 'push *1 *0 *0 *1'";
        return format!("{settled}; do :; done; {command}");
    }
    command.to_owned()
}

/// A directory that goes with the test. In a place that the server's user may enter.
struct Home(PathBuf);

impl Home {
    fn make() -> Self {
        let home = std::env::temp_dir().join(format!("eventcenter-tour-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        Self(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
