//! Tokens: contract, section 1.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{ACCESS_TOKENS, Emulator, customers};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn declared() -> Emulator {
    Emulator::undeclared_with(|builder| builder.store("shop", "s3cret").store("other", "0ther"))
}

fn issued(emulator: &Emulator, store: &str, secret: &str) -> String {
    let response = emulator.token(store, secret).json();
    response["access_token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_token_call_returns_a_token_and_nothing_else() {
    assert_snapshot!(declared().token("shop", "s3cret"), @r#"
    200
    {"access_token":"ymt_0_shop_45e4c1ea8c0b58bd"}
    "#);
}

#[test]
fn an_oauth_call_returns_a_bearer_token_that_works_here_too() {
    let emulator = declared();
    let form = emulator
        .anonymous("POST", "/oauth/token")
        .body("application/x-www-form-urlencoded", "client_id=shop&client_secret=s3cret&grant_type=client_credentials")
        .send();
    assert_snapshot!(form, @r#"
    200
    {"access_token":"ymt_0_shop_45e4c1ea8c0b58bd","token_type":"Bearer"}
    "#);
    let json = emulator
        .anonymous("POST", "/oauth/token")
        .json(json!({"client_id": "shop", "client_secret": "s3cret", "grant_type": "client_credentials"}))
        .send();
    for response in [form, json] {
        let token = response.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(emulator.get_with_token(&token).status(), 200);
    }
}

#[test]
fn an_oauth_call_without_the_right_grant_type_or_client_id_is_rejected() {
    let emulator = declared();
    let send = |body| emulator.anonymous("POST", "/oauth/token").json(body).send();
    assert_snapshot!(send(json!({"client_secret": "s3cret"})), @r#"
    400
    x-yotpo-mock-rule: oauth.client_id.required, oauth.grant_type.enum
    {
      "errors":[
        {"message":"client_id must be the id of a store"},
        {"message":"grant_type must be `client_credentials`"}
      ]
    }
    "#);
    assert_snapshot!(send(json!({"client_id": "shop", "client_secret": "s3cret", "grant_type": "password"})), @r#"
    400
    x-yotpo-mock-rule: oauth.grant_type.enum
    {"errors":[{"message":"grant_type must be `client_credentials` (got `password`)"}]}
    "#);
    assert_snapshot!(send(json!({"client_id": 7, "client_secret": "s3cret", "grant_type": "client_credentials"})), @r#"
    400
    x-yotpo-mock-rule: oauth.client_id.required
    {"errors":[{"message":"client_id must be the id of a store"}]}
    "#);
    assert_snapshot!(send(json!({"client_id": "nobody", "client_secret": "s3cret", "grant_type": "client_credentials"})), @r#"
    404
    x-yotpo-mock-rule: store.unknown
    {"errors":[{"message":"Couldn't find account"}]}
    "#);
    assert_snapshot!(send(json!({"client_id": "shop", "client_secret": "wrong", "grant_type": "client_credentials"})), @r#"
    401
    x-yotpo-mock-rule: secret.invalid
    {"errors":[{"message":"the secret is missing or is not the secret of this store"}]}
    "#);
    assert_snapshot!(send(json!({"client_id": "shop", "grant_type": "client_credentials"})), @r#"
    401
    x-yotpo-mock-rule: secret.invalid
    {"errors":[{"message":"the secret is missing or is not the secret of this store"}]}
    "#);
}

#[test]
fn a_token_needs_no_encoding_in_a_query_if_the_id_of_its_store_needs_none() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("my-shop.eu_1~", "s3cret"));
    let token = issued(&emulator, "my-shop.eu_1~", "s3cret");
    assert!(token.starts_with("ymt_0_my-shop.eu_1~_"), "{token}");
    let path = format!("/core/v3/stores/my-shop.eu_1~/customers?access_token={token}");
    assert_eq!(emulator.anonymous("GET", &path).send().status(), 200);
}

#[test]
fn a_token_cannot_be_guessed_without_the_secret() {
    let emulator = declared();
    let (token, other) = (issued(&emulator, "shop", "s3cret"), issued(&emulator, "other", "0ther"));
    let signature = |token: &str| token.rsplit('_').next().expect("a signature").to_owned();
    for guess in
        ["ymt_0_shop", &format!("ymt_0_shop_{}", signature(&other)), &format!("ymt_1_shop_{}", signature(&token))]
    {
        let response = emulator.get_with_token(guess);
        assert_eq!((response.status(), response.header("x-yotpo-mock-rule")), (401, Some("token.unknown")), "{guess}");
    }
}

#[test]
fn a_token_is_read_from_the_header_or_the_query_and_the_header_wins() {
    let emulator = declared();
    let token = issued(&emulator, "shop", "s3cret");
    let in_query = customers(&format!("?access_token={token}"));
    assert_eq!(emulator.anonymous("GET", &in_query).send().status(), 200);
    assert_eq!(emulator.anonymous("GET", &in_query).token("").send().status(), 200);
    assert_eq!(emulator.anonymous("GET", &in_query).token("wrong").send().status(), 401);
    assert_eq!(emulator.anonymous("GET", &customers("?access_token=wrong")).token(&token).send().status(), 200);
}

#[test]
fn a_call_without_a_token_is_rejected() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(emulator.anonymous("GET", &customers("")).send(), @r#"
    401
    x-yotpo-mock-rule: token.missing
    {
      "errors":[
        {
          "message":"no access token in the header `X-Yotpo-Token` or the query parameter `access_token`"
        }
      ]
    }
    "#);
    assert_snapshot!(emulator.anonymous("GET", &customers("?access_token=")).send(), @r#"
    401
    x-yotpo-mock-rule: token.missing
    {
      "errors":[
        {
          "message":"no access token in the header `X-Yotpo-Token` or the query parameter `access_token`"
        }
      ]
    }
    "#);
}

#[test]
fn an_unknown_token_is_rejected_where_a_store_is_declared() {
    assert_snapshot!(declared().get_with_token("made-up"), @r#"
    401
    x-yotpo-mock-rule: token.unknown
    {"errors":[{"message":"the access token is not known"}]}
    "#);
}

#[test]
fn a_token_is_valid_for_fourteen_days() {
    let emulator = declared();
    let token = issued(&emulator, "shop", "s3cret");
    emulator.mock.advance(14 * DAY - Duration::from_secs(1));
    assert_eq!(emulator.get_with_token(&token).status(), 200);
    emulator.mock.advance(Duration::from_secs(1));
    assert_snapshot!(emulator.get_with_token(&token), @r#"
    401
    x-yotpo-mock-rule: token.expired
    {"errors":[{"message":"the access token has expired: tokens are valid for 14 days"}]}
    "#);
}

#[test]
fn a_new_token_revokes_none() {
    let emulator = declared();
    let (first, second) = (issued(&emulator, "shop", "s3cret"), issued(&emulator, "shop", "s3cret"));
    assert_ne!(first, second);
    for token in [first, second] {
        assert_eq!(emulator.get_with_token(&token).status(), 200);
    }
}

#[test]
fn a_token_of_another_store_is_rejected() {
    let emulator = declared();
    assert_snapshot!(emulator.get_with_token(&issued(&emulator, "other", "0ther")), @r#"
    401
    x-yotpo-mock-rule: token.other_store
    {"errors":[{"message":"the access token belongs to another store"}]}
    "#);
}

#[test]
fn an_unknown_store_and_a_wrong_secret_get_no_token() {
    let emulator = declared();
    assert_snapshot!(emulator.token("nobody", "s3cret"), @r#"
    404
    x-yotpo-mock-rule: store.unknown
    {"errors":[{"message":"Couldn't find account"}]}
    "#);
    assert_snapshot!(emulator.token("shop", "wrong"), @r#"
    401
    x-yotpo-mock-rule: secret.invalid
    {"errors":[{"message":"the secret is missing or is not the secret of this store"}]}
    "#);
    for body in
        [json!({}), json!({"secret": null}), json!({"secret": ""}), json!({"secret": 7}), json!([]), json!("s3cret")]
    {
        let response = emulator.anonymous("POST", ACCESS_TOKENS).json(body.clone()).send();
        assert_eq!((response.status(), response.rule()), (401, Some("secret.invalid")), "{body}");
    }
}

#[test]
fn with_no_store_declared_every_store_and_any_secret_is_valid() {
    let emulator = Emulator::undeclared();
    assert_eq!(emulator.token("anything", "x").status(), 200);
    assert_eq!(emulator.token("anything", "another secret").status(), 200);
    assert_eq!(emulator.token("anything", "").status(), 401);
}

#[test]
fn with_no_store_declared_any_token_is_accepted_and_noted() {
    assert_snapshot!(Emulator::undeclared().get(&customers("")), @r#"
    200
    x-yotpo-mock-note: token.undeclared: a token that nobody issued was accepted because this store is not declared
    {"customers":[],"pagination":{"next_page_info":null}}
    "#);
}

#[test]
fn an_issued_token_is_checked_even_if_any_other_is_accepted() {
    let emulator = Emulator::undeclared();
    let (token, foreign) = (issued(&emulator, "shop", "x"), issued(&emulator, "other", "x"));
    let own = emulator.get_with_token(&token);
    assert_eq!((own.status(), own.notes()), (200, vec![]));
    assert_eq!(emulator.get_with_token(&foreign).rule(), Some("token.other_store"));
    emulator.mock.advance(14 * DAY);
    assert_eq!(emulator.get_with_token(&token).rule(), Some("token.expired"));
}

#[test]
fn a_seed_that_gives_a_secret_declares_its_store() {
    let emulator = Emulator::undeclared_with(|builder| {
        builder.seed(r#"{"stores":[{"id":"shop","secret":"s3cret"},{"id":"unguarded"}]}"#)
    });
    assert_eq!(emulator.token("shop", "s3cret").status(), 200);
    assert_eq!(emulator.token("nobody", "s3cret").status(), 404);
    assert_eq!(emulator.token("unguarded", "s3cret").status(), 404);
    assert_eq!(emulator.get(&customers("")).status(), 401);
}

#[test]
fn issued_tokens_only_rejects_others() {
    let emulator = Emulator::undeclared_with(|builder| builder.issued_tokens_only(true));
    assert_eq!(emulator.get(&customers("")).rule(), Some("token.unknown"));
    let token = issued(&emulator, "shop", "any secret");
    assert_eq!(emulator.get_with_token(&token).status(), 200);
}

#[test]
fn tokens_repeat_from_run_to_run_and_no_two_stores_share_one() {
    let (one, two) = (Emulator::undeclared(), Emulator::undeclared());
    assert_eq!(issued(&one, "shop", "x"), issued(&two, "shop", "x"));
    let other = issued(&one, "other", "x");
    assert!(other.contains("other") && other != issued(&two, "shop", "x"));
}

#[test]
fn after_a_reset_an_old_token_is_unknown() {
    let emulator = declared();
    let token = issued(&emulator, "shop", "s3cret");
    emulator.mock.reset();
    assert_eq!(emulator.get_with_token(&token).rule(), Some("token.unknown"));
}

#[test]
fn an_unknown_store_is_unknown_whatever_the_body_says() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret").rate_limit(5));
    let response = emulator.anonymous("POST", "/core/v3/stores/nobody/access_tokens").body("text/plain", "{").send();
    assert_eq!((response.status(), response.rate_limit_headers()), (404, [5, 5, 0]), "and it is not counted");
}

#[test]
fn a_form_that_is_not_utf_8_is_rejected() {
    let emulator = Emulator::undeclared();
    let form = "client_id=%FF&client_secret=x&grant_type=client_credentials";
    assert_snapshot!(emulator.anonymous("POST", "/oauth/token").body("application/x-www-form-urlencoded", form).send(), @r#"
    400
    x-yotpo-mock-rule: body.form
    {"errors":[{"message":"the body is not a form in UTF-8"}]}
    "#);
}

#[test]
fn a_token_from_before_thousands_of_others_is_still_known_as_expired() {
    let emulator = Emulator::undeclared();
    let first = issued(&emulator, "shop", "x");
    emulator.mock.advance(15 * DAY);
    let second = issued(&emulator, "shop", "x");
    assert_ne!(first, second);
    let rule = |token: &str| emulator.get_with_token(token).rule().map(str::to_owned);
    assert_eq!((rule(&first).as_deref(), rule(&second)), (Some("token.expired"), None));
}
