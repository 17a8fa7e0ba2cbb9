//! What an error looks like: a problem document (RFC 9457) with a stable `code`.

use std::borrow::Cow;
use std::error::Error;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use eventcenter_core::event::{InvalidEvent, InvalidField};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

mod causes;
mod constraints;

/// How long a client should wait, in seconds, for something that is over in a moment.
const RETRY_SOON_S: u16 = 1;
/// How long a client should wait, in seconds, for the database or for a place: about what a restart takes.
const RETRY_LATER_S: u16 = 5;
/// How long a person should wait, in seconds, before they test their channels again.
const RETRY_TEST_S: u16 = 10;

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, for programs. Never rename one: clients match on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])+ $variant,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The status of an answer with this code.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    /// Fields are missing or wrong; `errors` says which.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is not valid";
    /// The body cannot be read as JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not JSON";
    /// No credential, or one that does not count.
    Unauthorized = "unauthorized", UNAUTHORIZED, "A credential is required";
    /// The page that sent the cookie is not one of ours.
    ForeignOrigin = "foreign_origin", FORBIDDEN, "The page's origin is not allowed";
    /// There is no such thing, or no such route.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The installation has no VAPID key, so browsers cannot subscribe.
    PushDisabled = "push_disabled", NOT_FOUND, "Web Push is not set up";
    /// The route has other methods; see `Allow`.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The route does not know this method";
    /// Somebody's open transaction is writing the same id. Try again.
    KeyBusy = "key_busy", CONFLICT, "The id is being written";
    /// The action has its answer, which `answer` holds: the first one stands.
    AlreadyAnswered = "already_answered", CONFLICT, "The action is answered already";
    /// Several people are asked under this name: `candidates` lists ten of them at most.
    AmbiguousAction = "ambiguous_action", CONFLICT, "Several people have this action";
    /// The time to answer is over.
    ActionExpired = "action_expired", GONE, "The action has expired";
    /// More requests wait for answers than may. Try again.
    TooManyWaiters = "too_many_waiters", TOO_MANY_REQUESTS, "Too many requests wait for answers";
    /// The person tests their channels more often than six times a minute. Try again.
    TooManyTests = "too_many_tests", TOO_MANY_REQUESTS, "Too many tests";
    /// The person has as many browsers as one may have.
    TooManyBrowsers = "too_many_browsers", CONFLICT, "The person has too many browsers";
    /// Contacts are kept by the host application, in a view that we only read.
    ContactsElsewhere = "contacts_elsewhere", CONFLICT, "Contacts are kept by the host application";
    /// Something of it is being sent at this moment. Try again.
    InFlight = "in_flight", CONFLICT, "Something is being sent at this moment";
    /// The body is over a limit, which `detail` names.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is not declared as JSON.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is of the wrong type";
    /// The same id was used for another event.
    KeyReused = "key_reused", UNPROCESSABLE_ENTITY, "The id belongs to another event";
    /// The route is a WebSocket, and the request no handshake for one.
    UpgradeRequired = "upgrade_required", UPGRADE_REQUIRED, "This is a WebSocket";
    /// The person has as many open sessions as one may have.
    TooManySessions = "too_many_sessions", TOO_MANY_REQUESTS, "The person has too many open sessions";
    /// The person has as many unused tickets as one may have.
    TooManyTickets = "too_many_tickets", TOO_MANY_REQUESTS, "The person has too many unused tickets";
    /// This process takes no further session, because it is full or stopping. Another one may.
    NodeUnavailable = "node_unavailable", SERVICE_UNAVAILABLE, "This node takes no further session";
    /// More was asked in a short while than anybody needs. Try again later.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// More events wait than may. Try again.
    QueueFull = "queue_full", TOO_MANY_REQUESTS, "Too many events wait to be stored";
    /// A bug of ours; the log has it under the request's id.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong here";
    /// The database is away. Nothing that was acknowledged is lost. Try again.
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "The database is not available";
    /// It took too long and was given up, or not: ask again, with the same id.
    Timeout = "timeout", SERVICE_UNAVAILABLE, "The request took too long";
}

impl Code {
    const fn retry_after(self) -> Option<u16> {
        match self {
            Self::KeyBusy | Self::QueueFull | Self::TooManyWaiters | Self::InFlight => Some(RETRY_SOON_S),
            Self::TooManyTests => Some(RETRY_TEST_S),
            Self::DatabaseUnavailable
            | Self::Timeout
            | Self::TooManySessions
            | Self::TooManyTickets
            | Self::NodeUnavailable
            | Self::RateLimited => Some(RETRY_LATER_S),
            Self::InvalidRequest
            | Self::InvalidJson
            | Self::Unauthorized
            | Self::ForeignOrigin
            | Self::NotFound
            | Self::PushDisabled
            | Self::MethodNotAllowed
            | Self::AlreadyAnswered
            | Self::AmbiguousAction
            | Self::ActionExpired
            | Self::TooManyBrowsers
            | Self::ContactsElsewhere
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::KeyReused
            | Self::UpgradeRequired
            | Self::Internal => None,
        }
    }
}

/// An error on its way out. The layers of [`crate::http`] give it the request's id and write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong, for programs.
    pub code: Code,
    /// The same for people: what now?
    pub detail: Cow<'static, str>,
    /// Each field that is wrong.
    pub errors: Vec<InvalidField>,
    /// What this code says besides (RFC 9457 §3.2).
    pub extensions: Map<String, Value>,
}

/// A problem document (RFC 9457 §3).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:eventcenter:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for programs.
    code: Code,
    /// What went wrong this time.
    detail: Cow<'static, str>,
    /// Each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
    /// The id of the request, as in the logs.
    request_id: String,
    /// What this code says besides.
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: Map<String, Value>,
}

impl Problem {
    /// A problem without fields.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), extensions: Map::new() }
    }

    /// The same, saying this besides.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extensions.insert(name.to_owned(), value);
        self
    }

    /// One field is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![InvalidField { field: field.to_owned(), message: message.into() }])
    }

    /// These fields are wrong.
    pub fn fields(errors: Vec<InvalidField>) -> Self {
        let detail = InvalidEvent(errors.clone()).to_string();
        Self { errors, ..Self::new(Code::InvalidRequest, detail) }
    }

    /// There is no `what`.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// A bug of ours: the log gets the cause, the client does not.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::new(Code::Internal, "this is a fault of the server; its log has more under request_id")
    }

    /// The document, for a body or as a part of one.
    pub fn document(self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:eventcenter:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code,
            detail: self.detail,
            errors: self.errors,
            request_id: request_id.to_owned(),
            extensions: self.extensions,
        }
    }

    /// The answer. A body that cannot be written would be a bug of the derive above: it is then empty.
    pub(crate) fn respond(self, mut response: Response, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.document(request_id)).unwrap_or_default();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.map(|_| body.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.code.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthorized {
            let bearer = HeaderValue::from_static(r#"Bearer realm="eventcenter""#);
            response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
        }
        if self.code == Code::UpgradeRequired {
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests;
