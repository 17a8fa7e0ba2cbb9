use serde_json::json;

use super::*;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const HOUR: Duration = Duration::from_hours(1);

fn signed(claims: &serde_json::Value, algorithm: Algorithm, secret: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn in_an_hour() -> i64 {
    Timestamp::now().as_second() + 3600
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn rules() -> CookieRules {
    CookieRules { name: COOKIE_NAME.to_owned(), origins: Origins::parse(&["https://app.example.org"]).unwrap() }
}

#[test]
fn an_issued_token_speaks_for_its_person() {
    let tokens = Tokens::hs256(SECRET);
    let user_id = UserId::new(i64::MAX).unwrap();

    let grant = tokens.grant(&tokens.issue(user_id, HOUR).unwrap()).unwrap();

    assert_eq!(tokens.verify(&tokens.issue(user_id, HOUR).unwrap()), Ok(user_id));
    assert_eq!(grant.ends_at - grant.issued_at.unwrap(), 3600);
}

#[test]
fn the_subject_may_be_a_number_or_a_string() {
    for sub in [json!(42), json!("42")] {
        let token = signed(&json!({"sub": sub, "exp": in_an_hour(), "aud": "host"}), Algorithm::HS256, SECRET);

        assert_eq!(Tokens::hs256(SECRET).verify(&token), Ok(UserId::new(42).unwrap()));
    }
}

#[test]
fn a_subject_that_is_no_user_id_is_refused() {
    for sub in [json!(0), json!(-1), json!(1.5), json!("alice"), json!(""), json!("9223372036854775808"), json!(null)] {
        let token = signed(&json!({"sub": sub, "exp": in_an_hour()}), Algorithm::HS256, SECRET);

        assert_eq!(Tokens::hs256(SECRET).verify(&token), Err(TokenError::Invalid), "{sub}");
    }
}

#[test]
fn an_expired_token_is_refused_after_the_leeway() {
    let at = |exp: i64| signed(&json!({"sub": 42, "exp": exp}), Algorithm::HS256, SECRET);
    let now = Timestamp::now().as_second();

    assert!(Tokens::hs256(SECRET).verify(&at(now - 10)).is_ok());
    assert_eq!(Tokens::hs256(SECRET).verify(&at(now - 60)), Err(TokenError::Expired));
}

#[test]
fn a_token_without_an_end_is_refused() {
    let token = signed(&json!({"sub": 42}), Algorithm::HS256, SECRET);

    assert_eq!(Tokens::hs256(SECRET).verify(&token), Err(TokenError::Invalid));
}

#[test]
fn only_our_secret_and_algorithm_count() {
    let claims = json!({"sub": 42, "exp": in_an_hour()});
    let encode =
        |part: &serde_json::Value| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, part.to_string());
    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none", "typ": "JWT"})), encode(&claims));
    let tokens = [
        signed(&claims, Algorithm::HS256, b"another secret of thirty-two bytes"),
        signed(&claims, Algorithm::HS512, SECRET),
        unsigned,
        String::new(),
    ];

    for token in tokens {
        assert_eq!(Tokens::hs256(SECRET).verify(&token), Err(TokenError::Invalid), "{token}");
    }
}

#[test]
fn the_bearer_comes_before_the_cookie() {
    let both = headers(&[("authorization", "bearer abc"), ("cookie", "ec_token=def")]);

    assert_eq!(user_token(&both, &rules()), Ok("abc"));
    assert_eq!(user_token(&headers(&[("authorization", "Basic abc")]), &rules()), Err(TokenError::Missing));
}

#[test]
fn a_cookie_counts_only_for_our_own_pages() {
    let from = |pairs: &[(&'static str, &str)]| {
        let mut all = headers(&[("cookie", "a=b; ec_token=def"), ("host", "notify.example.org")]);
        all.extend(headers(pairs));
        user_token(&all, &rules()).map(str::to_owned)
    };

    for own in [
        ("origin", "https://app.example.org"),
        ("origin", "https://notify.example.org"),
        ("sec-fetch-site", "same-origin"),
    ] {
        assert_eq!(from(&[own]), Ok("def".to_owned()), "{own:?}");
    }
    for foreign in [
        ("origin", "https://evil.example"),
        ("origin", "http://app.example.org"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("x-nothing", "said"),
    ] {
        assert_eq!(from(&[foreign]), Err(TokenError::ForeignOrigin), "{foreign:?}");
    }
    let contradictory = [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")];
    assert_eq!(from(&contradictory), Err(TokenError::ForeignOrigin));
}

#[test]
fn an_origin_is_scheme_and_host_alone() {
    for right in ["https://app.example.org", "http://localhost:8080"] {
        assert!(Origins::parse(&[right]).is_ok(), "{right}");
    }
    for wrong in ["*", "null", "app.example.org", "https://app.example.org/", "https://APP.example.org", "ftp://x", ""]
    {
        assert!(Origins::parse(&[wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn secrets_do_not_show() {
    assert!(!format!("{:?}", Tokens::hs256(SECRET)).contains("secret of"));
}

#[test]
fn a_token_may_live_for_an_hour_and_no_longer() {
    let now = Timestamp::now().as_second();
    let verified = |claims| Tokens::hs256(SECRET).grant(&signed(&claims, Algorithm::HS256, SECRET));

    assert!(verified(json!({"sub": 42, "iat": now - 60, "exp": now + 3540})).is_ok());
    for claims in [
        json!({"sub": 42, "exp": now + 2 * 3600}),
        json!({"sub": 42, "iat": now - 2 * 3600, "exp": now + 60}),
        json!({"sub": 42, "iat": i64::MIN, "exp": i64::MAX}),
    ] {
        assert_eq!(verified(claims.clone()), Err(TokenError::TooLong), "{claims}");
    }
    let patient = Tokens::hs256(SECRET).except(Revocations::default(), 24 * HOUR);
    let token = signed(&json!({"sub": 42, "exp": now + 2 * 3600}), Algorithm::HS256, SECRET);
    assert!(patient.verify(&token).is_ok());
}

#[test]
fn a_token_from_the_future_is_refused_since_no_revocation_would_reach_it() {
    let now = Timestamp::now().as_second();
    let verified = |iat| {
        Tokens::hs256(SECRET).grant(&signed(&json!({"sub": 42, "iat": iat, "exp": now + 60}), Algorithm::HS256, SECRET))
    };

    assert_eq!(verified(json!(now + 50)), Err(TokenError::Invalid));
    assert_eq!(verified(json!("now")), Err(TokenError::Invalid));
    assert_eq!(verified(json!(1000.5)).unwrap_err(), TokenError::TooLong);
    let now_and_a_half = Number::from_f64(Duration::from_secs(now.unsigned_abs()).as_secs_f64() + 0.5);
    assert_eq!(verified(json!(now_and_a_half)).unwrap().issued_at, Some(now));
}
