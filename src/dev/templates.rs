//! The preview of mail templates: every type in every language, written with its sample.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use eventcenter_workers::email::{Content, TemplateError, Templates};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::pages::{HTML, MAIL_POLICY};

/// What the preview needs.
#[derive(Clone, Debug)]
pub(super) struct Previews {
    templates: Arc<Templates>,
    app_url: Url,
}

/// Which template.
#[derive(Deserialize)]
struct Which {
    name: String,
    locale: String,
}

impl Previews {
    /// Previews whose links lead to `app_url`.
    pub(super) fn new(templates: Templates, app_url: Url) -> Self {
        Self { templates: Arc::new(templates), app_url }
    }

    /// What the page asks for.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/dev/template-list", get(list))
            .route("/dev/template", get(parts))
            .route("/dev/template/html", get(html))
            .with_state(self)
    }

    /// By the folder as it is now: whoever previews has just changed it.
    async fn fresh<T: Send + 'static>(self, look: impl FnOnce(&Self) -> T + Send + 'static) -> Result<T, Response> {
        let looked = tokio::task::spawn_blocking(move || {
            self.templates.refresh();
            look(&self)
        });
        looked.await.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response())
    }

    async fn content(self, which: Which) -> Result<Content, Response> {
        let rendered = self
            .fresh(move |previews| previews.templates.preview(&which.name, &which.locale, &previews.app_url))
            .await?;
        rendered.map_err(|error| match error {
            TemplateError::Unknown(_) => StatusCode::NOT_FOUND.into_response(),
            TemplateError::Folder(_) | TemplateError::Syntax { .. } | TemplateError::Sample { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
            }
        })
    }
}

async fn list(State(previews): State<Previews>) -> Result<Response, Response> {
    let (broken, listed) = previews.fresh(|previews| (previews.templates.broken(), previews.templates.list())).await?;
    let templates: Vec<_> = listed.iter().map(|(name, locale)| json!({"name": name, "locale": locale})).collect();
    Ok(Json(json!({"broken": broken.map(|error| error.to_string()), "templates": templates})).into_response())
}

async fn parts(State(previews): State<Previews>, Query(which): Query<Which>) -> Result<Response, Response> {
    let Content { subject, text, .. } = previews.content(which).await?;
    Ok(Json(json!({"subject": subject, "text": text})).into_response())
}

async fn html(State(previews): State<Previews>, Query(which): Query<Which>) -> Result<Response, Response> {
    let html = previews.content(which).await?.html;
    Ok(([(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, MAIL_POLICY)], html).into_response())
}
