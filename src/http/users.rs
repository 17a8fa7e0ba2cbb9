//! People's contacts.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use eventcenter_core::store::{Contact, Suppression, SuppressionFilter, Switches};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::PathUser;
use super::form::Form;
use super::rhythm::read_rhythm;
use super::{Api, Json, Service};
use crate::problem::{Code, Problem, ProblemDocument};

/// Largest contact, in bytes. A larger one is refused.
const CONTACT_BYTES_MAX: usize = 8 * 1024;
/// Longest mail address, in bytes (RFC 5321 §4.5.3.1.3, without the brackets).
const EMAIL_MAX: usize = 254;
/// Longest name, in characters.
const NAME_MAX: usize = 256;

/// Suppressions shown of one person. There are a few at most.
const SUPPRESSIONS_MAX: i64 = 100;

/// All that is kept of a person, besides their history (`GET /api/events?user_id=`) and browsers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Known {
    #[serde(flatten)]
    contact: Contact,
    /// What they hear of: per type, each channel on or off.
    #[schema(value_type = std::collections::HashMap<String, std::collections::HashMap<String, bool>>)]
    types: Switches,
    /// Why they get no mail, or none of a type, whatever their address.
    suppressions: Vec<Suppression>,
}

/// What is known of a person
#[utoipa::path(get, path = "/api/users/{id}", tag = "users", security(("service_key" = [])),
    params(("id" = i64, Path, description = "Your own number for the person", minimum = 1)),
    responses(
        (status = 200, body = Known),
        (status = 400, description = "The id is none", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 404, description = "No contact of theirs is known", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn get_user(
    _: Service,
    State(api): State<Api>,
    PathUser(user_id): PathUser,
) -> Result<JsonAnswer<Known>, Problem> {
    let contact = api.store.contact(user_id).await?.ok_or_else(|| Problem::not_found("contact"))?;
    let types = api.store.switches(user_id).await?;
    let of_them = SuppressionFilter { user_id: Some(user_id), ..SuppressionFilter::default() };
    let suppressions = api.store.suppressions(&of_them, SUPPRESSIONS_MAX).await?;
    Ok(JsonAnswer(Known { contact, types, suppressions }))
}

/// Replace what is known of a person
#[utoipa::path(put, path = "/api/users/{id}", tag = "users", security(("service_key" = [])),
    params(("id" = i64, Path, description = "Your own number for the person", minimum = 1)),
    request_body = Contact,
    responses(
        (status = 200, description = "What is now known", body = Contact),
        (status = 400, description = "What is wrong, field by field", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 409, description = "The host keeps contacts, in a view", body = ProblemDocument),
        (status = 413, description = "Larger than 8 KiB", body = ProblemDocument),
        (status = 415, description = "Not application/json", body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn put_user(
    _: Service,
    State(api): State<Api>,
    PathUser(user_id): PathUser,
    body: Json<CONTACT_BYTES_MAX>,
) -> Result<JsonAnswer<Contact>, Problem> {
    let contact = read_contact(Form::from_json(body.value)?)?;
    api.store.put_contact(user_id, &contact).await?;
    Ok(JsonAnswer(contact))
}

/// Forget a person: contact, browsers, preferences and history; and log them out
///
/// What stays is an address that bounced or complained, since mail to it would hurt everybody else's, and a contact that
/// the host keeps in a view of its own.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users", security(("service_key" = [])),
    params(("id" = i64, Path, description = "Your own number for the person", minimum = 1)),
    responses(
        (status = 204, description = "Nothing is known of them any more"),
        (status = 400, description = "The id is none", body = ProblemDocument),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 409, description = "Something is being sent to them: all else is forgotten, ask again",
            body = ProblemDocument),
        (status = 503, description = "The database is away: try again", body = ProblemDocument),
    ))]
pub(super) async fn delete_user(
    _: Service,
    State(api): State<Api>,
    PathUser(user_id): PathUser,
) -> Result<StatusCode, Problem> {
    api.store.revoke_sessions(user_id, None, None).await?;
    match api.store.erase(user_id).await?.in_flight {
        0 => Ok(StatusCode::NO_CONTENT),
        left => {
            let detail = format!("{left} events are being sent to them; all else is forgotten; ask again for these");
            Err(Problem::new(Code::InFlight, detail))
        }
    }
}

/// The same rules as the database's, and the one it does not have: that the time zone exists.
fn read_contact(mut form: Form) -> Result<Contact, Problem> {
    fn kept(is_valid: fn(&str) -> bool) -> impl FnOnce(&str) -> Option<String> {
        move |text| is_valid(text).then(|| text.to_owned())
    }
    let email = form.text("email", "must be one mail address of at most 254 bytes", kept(is_email));
    let name = form.text("name", "must be one line of at most 256 characters", kept(is_name));
    let locale = form.text("locale", "must be a language tag, as in ru or en-GB (BCP 47)", kept(is_locale));
    let rhythm = read_rhythm(&mut form);
    form.finish()?;
    let unsaid = Contact::default();
    Ok(Contact {
        email,
        name,
        locale: locale.unwrap_or(unsaid.locale),
        time_zone: rhythm.time_zone.unwrap_or(unsaid.time_zone),
        quiet_hours: rhythm.quiet_hours.flatten(),
        digest: rhythm.digest.unwrap_or(unsaid.digest),
        digest_hour: rhythm.digest_hour.unwrap_or(unsaid.digest_hour),
    })
}

/// Whether a text is one mail address.
pub(super) fn is_email(text: &str) -> bool {
    let is_clean = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '<' | '>' | ',' | ';' | '"'))
    };
    text.len() <= EMAIL_MAX && text.split_once('@').is_some_and(|(local, host)| is_clean(local) && is_clean(host))
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control)
}

fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_language = |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_subtag = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parts.next().is_some_and(is_language) && parts.all(is_subtag)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: Value) -> Result<Contact, Vec<String>> {
        let read = Form::from_json(json).and_then(read_contact);
        read.map_err(|problem| problem.errors.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn a_contact_is_english_and_utc_unless_it_says_otherwise() {
        let contact = read(json!({"email": "anna@example.org", "name": null})).unwrap();

        assert_eq!(contact.email.as_deref(), Some("anna@example.org"));
        assert_eq!((contact.name, &*contact.locale, &*contact.time_zone), (None, "en", "UTC"));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let wrong = json!({"email": 5, "name": "a\nb", "locale": "english", "time_zone": "Mars/Base", "age": 3});

        assert_eq!(read(wrong).unwrap_err(), ["email", "name", "locale", "time_zone", "age"]);
    }

    #[test]
    fn an_address_cannot_smuggle_a_second_one_or_a_header() {
        for wrong in ["", "anna", "@b", "a@", "a@b@c", "a@b,c@d", "a@b\r\nBcc: c@d", "Anna <a@b>", "a b@c", "a@b\0"] {
            assert_eq!(read(json!({"email": wrong})).unwrap_err(), ["email"], "{wrong:?}");
        }
        assert!(read(json!({"email": "анна@пример.рф"})).is_ok());
    }

    #[test]
    fn a_locale_is_a_language_tag() {
        for right in ["ru", "en-GB", "zh-Hant-TW"] {
            assert!(read(json!({"locale": right})).is_ok(), "{right}");
        }
        for wrong in ["", "e", "en_GB", "en-", "русский"] {
            assert_eq!(read(json!({"locale": wrong})).unwrap_err(), ["locale"], "{wrong}");
        }
    }
}
