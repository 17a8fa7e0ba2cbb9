use clap::Parser;

use super::super::Secret;
use super::*;

const STRONG: &str = "b64:kR3vW9qLx2ZtY8mNp5sJd7fGh4aQcE6u";
const VAPID_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

const SAFE: [&str; 14] = [
    "serve",
    "--database-url",
    "postgres://u:hunter2@db/ec",
    "--jwt-secret",
    STRONG,
    "--vapid-key",
    VAPID_KEY,
    "--vapid-subject=mailto:ops@example.org",
    "--app-url",
    "https://app.example.org",
    "--mail-from",
    "no-reply@example.org",
    "--smtp-url",
    "smtp://u:hunter2@mail.example.org",
];

fn settings(more: &[&str]) -> Settings {
    Line::try_parse_from(SAFE.iter().chain(more)).unwrap().settings
}

fn faults(change: impl FnOnce(&mut Settings)) -> Vec<String> {
    let mut settings = settings(&[]);
    change(&mut settings);
    settings.check().err().map_or_else(Vec::new, |refused| refused.0)
}

#[test]
fn safe_settings_pass() {
    assert_eq!(settings(&[]).check(), Ok(()));
}

#[test]
fn each_unsafe_default_has_a_line_of_its_own() {
    let bare = Line::try_parse_from(["serve"]).unwrap().settings;

    let Refused(lines) = bare.check().unwrap_err();

    for word in ["DATABASE_URL", "EVENTCENTER_JWT_SECRET", "EVENTCENTER_VAPID_KEYS", "EVENTCENTER_SMTP_URL"] {
        assert_eq!(lines.iter().filter(|line| line.contains(word)).count(), 1, "{word} in {lines:#?}");
    }
}

#[test]
fn a_part_that_does_not_run_needs_no_settings() {
    let only_stream = Line::try_parse_from(["serve", "--only", "stream", "--database-url", "postgres://db/ec"]);

    assert_eq!(only_stream.unwrap().settings.check(), Ok(()));
}

#[test]
fn a_secret_that_can_be_guessed_is_refused_and_not_repeated() {
    for weak in ["hunter2", "my-very-long-secret-from-the-manual-0123", &"ab".repeat(20)] {
        let lines = faults(|settings| settings.jwt.secret = Some(Secret::from(weak.to_owned())));

        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(!lines[0].contains(weak), "{lines:#?}");
    }
}

#[test]
fn mail_goes_to_one_place() {
    let lines = faults(|settings| settings.email.mail_dir = Some("mail".into()));

    assert!(lines[0].contains("both"), "{lines:#?}");
}

#[test]
fn events_outlive_the_inbox_and_the_longest_schedule() {
    assert_eq!(faults(|settings| settings.retention.inbox_days = 91).len(), 1);
    assert_eq!(faults(|settings| settings.retention = Retention { event_days: 181, inbox_days: 91 }), [""; 0]);
}

#[test]
fn no_secret_is_ever_in_debug_output() {
    let shown = format!("{:?}", settings(&[]));

    for secret in [STRONG, VAPID_KEY, "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn no_secret_is_ever_in_a_help_text_or_a_usage_error() {
    let mut command = <Line as clap::CommandFactory>::command();
    for arg in command.clone().get_arguments().filter(|arg| arg.get_env().is_some()) {
        let is_secret =
            arg.get_value_parser().type_id() == clap::builder::ValueParser::from(clap::value_parser!(Secret)).type_id();
        assert_eq!(arg.is_hide_env_values_set(), is_secret, "{}", arg.get_id());
    }
    assert!(command.render_long_help().to_string().contains("EVENTCENTER_JWT_SECRET"));
}
