//! `createAccessToken` and `createOauthToken`. Both check the caller themselves: their bodies name it.

use serde_json::{Value, json};

use crate::domain::rejection::{BrokenRule, Rejection};
use crate::domain::rule;
use crate::http::request_context::RequestContext;
use crate::http::response::Response;

/// `POST /core/v3/stores/{store_id}/access_tokens` with `{"secret":"…"}`.
pub(super) async fn create(context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    context.store().check_store()?;
    let body = match context.read_json().await {
        Ok(text) => text.parse().map(Value::from),
        Err(rejection) => Err(rejection),
    };
    if let Ok(body) = &body {
        context.store().check_secret(text(body, "secret"))?;
    }
    context.count()?;
    body?;
    Ok(Response::json(&json!({ "access_token": context.store().issue_token() })))
}

/// `POST /oauth/token` with `client_id`, `client_secret` and `grant_type`, as a form or as JSON.
pub(super) async fn create_oauth(context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    let limit_bytes = context.settings().body_limit;
    let body = context.body.read_json_or_form(context.head, limit_bytes).await?;
    let store = text(&body, "client_id").filter(|id| !id.is_empty());
    if let Some(store) = store {
        context.set_store(store);
        context.store().check_store()?;
        context.store().check_secret(text(&body, "client_secret"))?;
        context.count()?;
    }
    let mut broken_rules = Vec::new();
    if store.is_none() {
        broken_rules.push(BrokenRule::new(&rule::OAUTH_CLIENT_ID, "client_id"));
    }
    match body.get("grant_type") {
        Some(value) if value == "client_credentials" => {}
        Some(other) => broken_rules.push(BrokenRule::with_value(&rule::OAUTH_GRANT_TYPE, "grant_type", other)),
        None => broken_rules.push(BrokenRule::new(&rule::OAUTH_GRANT_TYPE, "grant_type")),
    }
    if !broken_rules.is_empty() {
        return Err(Rejection::Invalid(broken_rules));
    }
    let token = context.store().issue_token();
    Ok(Response::json(&json!({ "access_token": token, "token_type": "Bearer" })))
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str()
}
