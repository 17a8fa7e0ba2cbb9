use axum::http::header::{AUTHORIZATION, RETRY_AFTER, UPGRADE};
use axum::response::IntoResponse;
use eventcenter_core::id::UserId;

use super::*;
use crate::auth::Tokens;
use crate::ws::session::tests::a_node;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn tokens() -> Tokens {
    Tokens::hs256([7; 32])
}

fn token(user: i64) -> String {
    tokens().issue(UserId::from_row(user), std::time::Duration::from_mins(1)).unwrap()
}

async fn user(pairs: &[(&'static str, &str)]) -> Result<UserId, Refusal> {
    let headers = headers(pairs);
    let offered = Offer::read(&headers)?.token;
    let credentials = Credentials { offered, ticket: None, headers: &headers };
    Ok(credentials.grant(&a_node()).await?.user_id)
}

#[tokio::test]
async fn a_token_may_come_as_a_subprotocol_which_is_never_chosen() {
    let offered = format!("{PROTOCOL}, ec.bearer.{}", token(42));

    assert_eq!(user(&[("sec-websocket-protocol", &offered)]).await, Ok(UserId::from_row(42)));
    let headers = headers(&[("sec-websocket-protocol", &offered)]);
    assert_eq!(Offer::read(&headers).unwrap().protocol.unwrap(), PROTOCOL);
}

#[tokio::test]
async fn subprotocols_on_several_lines_are_one_list() {
    let bearer = format!("ec.bearer.{}", token(42));
    let lines = [("sec-websocket-protocol", bearer.as_str()), ("sec-websocket-protocol", PROTOCOL)];

    assert_eq!(user(&lines).await, Ok(UserId::from_row(42)));
}

#[tokio::test]
async fn a_client_that_does_not_offer_our_subprotocol_is_told_so() {
    for offered in ["graphql-ws", "", &format!("ec.bearer.{}", token(42))] {
        assert_eq!(user(&[("sec-websocket-protocol", offered)]).await, Err(Refusal::Subprotocol));
    }
}

#[tokio::test]
async fn a_wrong_subprotocol_token_is_not_made_good_by_a_cookie() {
    let cookie = format!("ec_token={}", token(42));
    let offered = format!("{PROTOCOL}, ec.bearer.wrong");
    let headers =
        [("sec-websocket-protocol", offered.as_str()), ("cookie", &cookie), ("sec-fetch-site", "same-origin")];

    assert_eq!(user(&headers).await, Err(Refusal::Token(TokenError::Invalid)));
}

#[tokio::test]
async fn without_a_subprotocol_header_and_cookie_count() {
    let bearer = format!("Bearer {}", token(42));
    let cookie = format!("ec_token={}", token(7));

    assert_eq!(user(&[(AUTHORIZATION.as_str(), &bearer)]).await, Ok(UserId::from_row(42)));
    assert_eq!(
        user(&[("cookie", &cookie), ("host", "a.example"), ("origin", "https://a.example")]).await,
        Ok(UserId::from_row(7))
    );
    assert_eq!(
        user(&[("cookie", &cookie), ("host", "a.example"), ("origin", "https://b.example")]).await,
        Err(Refusal::Token(TokenError::ForeignOrigin))
    );
    assert_eq!(user(&[]).await, Err(Refusal::Token(TokenError::Missing)));
}

#[test]
fn a_refusal_says_what_to_do_and_when_to_come_back() {
    let problem = |refusal: Refusal| Problem::from(refusal);

    assert_eq!(problem(Refusal::Token(TokenError::Expired)).code, Code::Unauthorized);
    assert!(
        problem(Refusal::Token(TokenError::Missing)).detail.ends_with("ec.bearer.TOKEN beside eventcenter.v1.json")
    );
    assert_eq!(problem(Refusal::Query).errors[0].field, "after");
    for passing in [Refusal::Full(Full::User), Refusal::Full(Full::Node), Refusal::Full(Full::Stopping)] {
        assert!(problem(passing).into_response().headers().contains_key(RETRY_AFTER), "{passing:?}");
    }
    assert_eq!(problem(Refusal::NoUpgrade).into_response().headers()[UPGRADE], "websocket");
}
