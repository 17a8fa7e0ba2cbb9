use super::constraints::refused;
use super::*;
use crate::committer::EmitError;

#[test]
fn codes_are_the_same_in_json_and_in_types() {
    for code in Code::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!(code.status().is_client_error() || code.status().is_server_error());
    }
}

#[test]
fn only_a_reused_id_is_unprocessable() {
    let unprocessable: Vec<_> =
        Code::ALL.iter().filter(|code| code.status() == StatusCode::UNPROCESSABLE_ENTITY).collect();

    assert_eq!(unprocessable, [&Code::KeyReused]);
}

#[test]
fn a_constraint_names_its_field() {
    let of = |constraint: &str| refused(constraint).map(|problem| problem.detail.into_owned());

    assert_eq!(of("deliver_at_is_at_most_90_days_ahead").as_deref(), Some("deliver_at is at most 90 days ahead"));
    assert_eq!(of("channels_keep_to_channel_hint").as_deref(), Some("channels keep to channel hint"));
    assert_eq!(of("key_does_not_look_like_our_own_id").as_deref(), Some("id does not look like our own id"));
    assert_eq!(of("auth_is_16_bytes").as_deref(), Some("keys.auth is 16 bytes"));
    assert_eq!(of("a_delivery_waits_once"), None);
    assert_eq!(of("types_have_one_name"), None);
}

#[test]
fn whatever_passes_says_when_to_come_back() {
    for error in [EmitError::QueueFull, EmitError::Unavailable] {
        assert!(Problem::from(error).into_response().headers().contains_key(RETRY_AFTER));
    }
    let refused = EmitError::Refused { constraint: "title_is_one_line_of_1_to_256_characters".to_owned() };
    assert!(!Problem::from(refused).into_response().headers().contains_key(RETRY_AFTER));
}

#[test]
fn a_fault_of_ours_keeps_its_cause_to_itself() {
    let cause = std::io::Error::other("password authentication failed for host db-7");

    let problem = serde_json::to_string(&Problem::internal(&cause).document("r1")).unwrap();

    assert!(!problem.contains("db-7"), "{problem}");
}
