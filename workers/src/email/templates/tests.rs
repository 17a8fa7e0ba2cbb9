use std::fs;
use std::time::SystemTime;

use super::*;

/// An operator's folder, which goes when the test does.
struct Scratch(PathBuf);

impl Scratch {
    fn with(files: &[(&str, &str)]) -> Self {
        let scratch = Self(std::env::temp_dir().join(format!("eventcenter-templates-{}", uuid::Uuid::now_v7())));
        fs::create_dir(&scratch.0).unwrap();
        for (name, text) in files {
            scratch.write(name, text);
        }
        scratch
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }

    fn templates(&self) -> Templates {
        Templates::new(Some(self.0.clone())).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn app_url() -> Url {
    Url::parse("https://app.example.org").unwrap()
}

fn fault(files: &[(&str, &str)]) -> String {
    let scratch = Scratch::with(files);
    let templates = scratch.templates();
    assert!(templates.own().is_none(), "it is in use");
    assert!(templates.preview("job.done", "en", &app_url()).is_ok(), "it stops mail");
    let fault = templates.broken().expect("it should be broken");
    fault.to_string().replace(scratch.0.to_str().unwrap(), "FOLDER")
}

#[test]
fn every_type_is_written_in_every_language() {
    let templates = Templates::new(None).unwrap();

    let list = templates.list();

    let names: Vec<&str> = list.iter().filter(|(_, locale)| locale == "ru").map(|(name, _)| name.as_str()).collect();
    let types = ["action.required", "default", "digest", "job.done", "reminder.due", "system.alert", "task.created"];
    assert_eq!(names, types);
    for (name, locale) in &list {
        let content = templates.preview(name, locale, &app_url()).unwrap();
        let is_russian = |text: &str| text.chars().any(|c| ('а'..='я').contains(&c));
        assert_eq!(is_russian(&content.html), locale == "ru", "{name} in {locale}");
        assert_eq!(is_russian(&content.text), locale == "ru", "{name} in {locale}");
        assert!(content.html.contains(&format!("<html lang=\"{locale}\">")), "{name} in {locale}");
        assert!(!content.subject.is_empty() && content.html.len() < 10_000, "{name} in {locale}");
        assert!(!content.text.contains("\n\n\n"), "holes in {name}: {}", content.text);
    }
}

#[test]
fn the_most_special_template_wins_and_then_the_nearest_language() {
    let text = |words: &str| format!("Subject: {words}\n");
    let scratch = Scratch::with(&[
        ("job.done+photos/ru-RU.txt", &text("photos ru-ru")),
        ("job.done+photos/en.txt", &text("photos en")),
        ("job.done/ru.txt", &text("job ru")),
        ("default/ru.txt", &text("default ru")),
    ]);
    let templates = scratch.templates();
    let own = templates.own().unwrap();
    let samples = Samples::default();
    let subject = |name, locale| sample(&own, &samples, name, locale, &app_url()).unwrap().subject;

    assert_eq!(subject("job.done+photos", "ru-RU"), "photos ru-ru");
    assert_eq!(subject("job.done+photos", "ru_ru"), "photos ru-ru");
    assert_eq!(subject("job.done+photos", "ru-KZ"), "photos en", "specificity goes before language");
    assert_eq!(subject("job.done+videos", "ru-KZ"), "job ru");
    assert_eq!(subject("job.done", "de"), "Your photo is ready", "the built-in one beside the operator's");
    assert_eq!(subject("something.else", "ru"), "default ru");
}

#[test]
fn a_layout_of_the_operator_s_own_carries_the_built_in_templates() {
    let scratch = Scratch::with(&[
        (
            "layout.html",
            "<html><body>ACME {% include \"logo.html\" %} {% block label %}{% endblock %}: {{ title }}</body></html>",
        ),
        ("logo.html", "<b>&hearts;</b>"),
    ]);

    let html = scratch.templates().preview("job.done", "ru", &app_url()).unwrap().html;

    assert_eq!(html, "<html><body>ACME <b>&hearts;</b> Готово: Ваша фотография готова</body></html>");
}

#[test]
fn a_template_may_use_data_that_its_fixture_has() {
    let files =
        [("job.done/en.jinja", "{% extends layout %}{% block content %}Photo {{ data.photo.size }}{% endblock %}")];
    assert!(fault(&files).contains("job.done in en cannot be rendered: undefined value"), "{}", fault(&files));

    let fixture = ("job.done/fixture.json", r#"{"data": {"photo": {"size": "<big>"}}}"#);
    let content = Scratch::with(&[files[0], fixture]).templates().preview("job.done", "en", &app_url()).unwrap();

    assert!(content.html.contains("Photo &lt;big&gt;"), "{}", content.html);
    assert!(content.text.contains("Photo <big>"), "{}", content.text);
}

#[test]
fn a_broken_folder_is_told_by_file_and_stops_no_mail() {
    let of = |source: &str| fault(&[("job.done/en.html", source)]);

    assert!(of("{% if %}").starts_with("job.done/en.html does not compile: syntax error: "), "{}", of("{% if %}"));
    assert!(of("{{ nothing }}").contains("cannot be rendered: undefined value"), "{}", of("{{ nothing }}"));
    assert!(of("{% include '../../etc/passwd' %}").contains("template not found"));
    assert!(of("<a href='{{ data.job_id }}'>x</a>").contains("a link is neither http(s) nor mailto: j-7"));
    assert!(fault(&[("job.done/en.txt", "no subject")]).contains("must begin with `Subject: "));
    assert!(fault(&[("job.done/fixture.json", r#"{"titel": "x"}"#)]).contains("unknown field `titel`"));
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let numbers = "{% for i in range(100000) %}";
    let endless = format!("{numbers}{numbers}{{% set x = i %}}{{% endfor %}}{{% endfor %}}");
    let huge = format!("{numbers}{{{{ body }}}}{{% endfor %}}");

    assert!(fault(&[("default/en.html", &endless)]).contains("engine ran out of fuel"));
    assert!(fault(&[("default/en.html", &huge)]).contains("longer than 100000 bytes"));
    assert!(fault(&[("default/en.html", "{% include 'default/en.html' %}")]).contains("recursion limit"));
}

#[test]
fn a_file_that_would_never_be_used_is_named() {
    for name in [
        "job.done/ru.htm",
        "job.done/russian-language.html",
        "Job.Done/ru.html",
        "a+b+c/ru.html",
        "notes.md",
        "a b/ru.html",
    ] {
        let expected = format!(
            "FOLDER/{name} is no template: it should be TYPE/LOCALE.html, .txt or .jinja, as in job.done/ru.html"
        );
        assert_eq!(fault(&[(name, "")]), expected);
    }
    let scratch =
        Scratch::with(&[(".git/config", "x"), ("job.done/.ru.html.swp", "x"), ("job.done/ru.html~", "{% if")]);
    assert!(scratch.templates().broken().is_none(), "what editors leave behind is no template");
}

#[test]
fn a_folder_that_is_not_there_is_told_and_stops_no_mail() {
    let templates = Templates::new(Some(PathBuf::from("/nonexistent/templates"))).unwrap();

    assert!(templates.broken().unwrap().to_string().starts_with("/nonexistent/templates cannot be read"));
    assert!(templates.preview("job.done", "en", &app_url()).is_ok());
}

#[test]
fn a_change_is_taken_into_use_when_it_is_sound_and_the_last_good_one_stays_when_not() {
    let scratch = Scratch::with(&[("job.done/en.txt", "Subject: one\n")]);
    let templates = scratch.templates();
    let subject = || {
        templates.refresh();
        templates.preview("job.done", "en", &app_url()).unwrap().subject
    };
    assert_eq!(subject(), "one");

    scratch.write("job.done/en.txt", "Subject: {% broken\n");
    assert_eq!(subject(), "one");
    assert!(templates.broken().is_some());

    scratch.write("job.done/en.txt", "Subject: two\n");
    let later = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
    fs::File::options().append(true).open(scratch.0.join("job.done/en.txt")).unwrap().set_modified(later).unwrap();
    assert_eq!(subject(), "two");
    assert!(templates.broken().is_none());
}

#[test]
fn only_what_there_is_can_be_previewed() {
    let templates = Templates::new(None).unwrap();

    for name in ["nothing", "../job.done", "job.done/../../x", ""] {
        assert!(matches!(templates.preview(name, "en", &app_url()), Err(TemplateError::Unknown(_))), "{name}");
    }
}

#[test]
fn a_subject_stays_a_subject_whatever_data_says() {
    let files = [
        ("job.done/en.txt", "Subject: {{ data.words }}\n\nbody"),
        ("job.done/fixture.json", r#"{"data": {"words": "a\r\nBcc: evil@example.net\u202e"}}"#),
    ];
    let content = Scratch::with(&files).templates().preview("job.done", "en", &app_url()).unwrap();

    assert_eq!(content.subject, "a");
    assert!(content.text.starts_with("Bcc: evil@example.net"), "it went to the body");
}
