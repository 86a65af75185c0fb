//! Access tokens over HTTP: `createAccessToken` and `createOauthToken`.

use serde_json::{Value, json};

use super::answer::Answer;
use super::body::Body;
use super::request_context::RequestContext;
use crate::domain::rejection::{Rejection, Violation};
use crate::domain::rule;

/// `POST /core/v3/stores/{store_id}/access_tokens` with `{"secret":"…"}`.
pub(super) async fn create(context: &RequestContext, body: Body<'_>) -> Result<Answer, Rejection> {
    let store_scope = context.store_scope();
    store_scope.check_store()?;
    let body = body.json().await;
    if let Ok(body) = &body {
        store_scope.check_secret(text(body, "secret"))?;
    }
    context.count()?;
    body?;
    Ok(Answer::json(&json!({ "access_token": store_scope.issue_token() })))
}

/// `POST /oauth/token` with `client_id`, `client_secret` and `grant_type`, as a form or as JSON.
pub(super) async fn create_oauth(context: &RequestContext, body: Body<'_>) -> Result<Answer, Rejection> {
    let body = body.json_or_form().await?;
    let store = text(&body, "client_id").filter(|id| !id.is_empty());
    if let Some(store) = store {
        let store_scope = context.set_store(store);
        store_scope.check_store()?;
        store_scope.check_secret(text(&body, "client_secret"))?;
        context.count()?;
    }
    let mut violations = Vec::new();
    if store.is_none() {
        violations.push(Violation {
            rule: &rule::OAUTH_CLIENT_ID,
            path: "client_id".to_owned(),
        });
    }
    if text(&body, "grant_type") != Some("client_credentials") {
        violations.push(Violation {
            rule: &rule::OAUTH_GRANT_TYPE,
            path: "grant_type".to_owned(),
        });
    }
    if !violations.is_empty() {
        return Err(Rejection::Invalid(violations));
    }
    let token = context.store_scope().issue_token();
    Ok(Answer::json(&json!({ "access_token": token, "token_type": "Bearer" })))
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str()
}
