//! `/openapi.json`, made from the handlers.

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::auth::COOKIE_NAME;
use crate::problem::ProblemDocument;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "EventCenter",
        description = "A service says once what a person should know; EventCenter brings it to them.\n\n\
            Every error is a problem document (RFC 9457) with a stable `code`. What answers 409, 429 or 503 with \
            `Retry-After` may be sent again; an event is emitted at most once under its id."
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Credentials)
)]
pub(super) struct Document;

struct Credentials;

impl utoipa::Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = |format: &str, about: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
            SecurityScheme::Http(scheme.description(Some(about)).build())
        };
        let cookie = ApiKeyValue::with_description(COOKIE_NAME, "A user token, for pages of our own host.");
        let schemes = [
            ("service_key", bearer("ec_…", "A service's key, as `eventcenter key create` prints it.")),
            ("user_token", bearer("JWT", "Speaks for the person whose id is its `sub`.")),
            ("user_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        ];
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// The document as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Rendered(Bytes);

impl From<OpenApi> for Rendered {
    /// A document that cannot be written would be a bug of utoipa, and then empty.
    fn from(document: OpenApi) -> Self {
        Self(document.to_json().unwrap_or_default().into())
    }
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(super) async fn get_openapi(Extension(document): Extension<Rendered>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document.0)
}
