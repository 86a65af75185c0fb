//! `check`, `schema`, `completions` and `man`: what the binary prints without serving.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{data, describe, failure, output};
use crate::process::{Process, file, yotpo_mock};

fn printed(arguments: &[&str]) -> String {
    let output = output(yotpo_mock(arguments));
    assert!(output.status.success() && output.stderr.is_empty(), "{}", describe(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn check_prints_what_valid_seeds_contain() {
    let shop = data("shop.json");
    let empty = file("check-empty.json", "{\"stores\":[]}");
    let lines = printed(&["check", &shop, empty.to_str().expect("UTF-8")]);
    let lines = lines.replace(&shop, "shop.json").replace(empty.to_str().expect("UTF-8"), "empty.json");
    assert_snapshot!(lines, @"
    shop.json: valid; store `shop`: customers 1200, events 150
    empty.json: valid, without a store
    ");
}

#[test]
fn check_lists_all_mistakes_of_all_seeds() {
    let wrong = file("check-wrong.json", r#"{"stores":[{"id":"a","customers":[{"fistname":"x"},{"email":"no"}]}]}"#);
    let checked = output(yotpo_mock(&["check", wrong.to_str().expect("UTF-8"), &data("shop.json"), "nowhere.json"]));
    let stderr = String::from_utf8_lossy(&checked.stderr).replace(wrong.to_str().expect("UTF-8"), "wrong.json");
    assert!(String::from_utf8_lossy(&checked.stdout).ends_with("customers 1200, events 150\n"));
    assert_snapshot!(format!("{:?}\n{stderr}", checked.status.code()), @r#"
    Some(1)
    error: cannot seed from `wrong.json`: it has 3 mistakes:
    - line 1: stores[0].customers[0].fistname is not a field that a seed may have; did you mean `first_name`?
    - line 1: stores[0].customers[0] needs `external_id`, or one of `email` and `phone_number`
    - line 1: stores[0].customers[1].email must be a well-formed e-mail address (got `no`)
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    error: cannot seed from `nowhere.json`: no such file
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
}

#[test]
fn check_finds_what_only_several_seeds_together_have() {
    let one = file("check-one.json", r#"{"store":"shop","secret":"one","customer":{"external_id":"c-1"}}"#);
    let two = file("check-two.json", r#"{"store":"shop","secret":"two","customer":{"external_id":"c-2"}}"#);
    let seeds = [one.to_str().expect("UTF-8"), two.to_str().expect("UTF-8")];
    let checked = output(yotpo_mock(&["check", seeds[0], seeds[1]]));
    assert_eq!(checked.status.code(), Some(1));
    assert_snapshot!(String::from_utf8_lossy(&checked.stderr).replace(seeds[1], "two.json"), @r#"
    error: cannot seed from `two.json`: store `shop` is declared with two different secrets
    hint: a seed is JSON or NDJSON: {"stores":[{"id":"shop","customers":[…],"events":[…]}]}
    "#);
}

#[test]
fn check_has_the_validation_of_serve() {
    let lenient = file("check-lenient.json", r#"{"store":"shop","customer":{"external_id":"c-1","gender":"male"}}"#);
    let lenient = lenient.to_str().expect("UTF-8");
    assert_eq!(output(yotpo_mock(&["check", lenient])).status.code(), Some(1));
    printed(&["check", "--validation", "lenient", lenient]);
    assert_snapshot!(failure(&["check"]), @"
    Some(2)
    error: the following required arguments were not provided:
      <SEED>...

    Usage: yotpo-mock check <SEED>...

    For more information, try '--help'.
    ");
}

/// What a schema finds in a document, with the path of each error.
fn errors(schema: &str, document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(&printed(&["schema", schema])).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_of_seeds_accepts_seeds_and_finds_misspelt_fields() {
    let shop: Value = serde_json::from_slice(&std::fs::read(data("shop.json")).expect("it is there")).expect("JSON");
    assert_eq!(errors("seed", &shop), [""; 0]);
    for seed in [
        json!({"$schema": "seed.schema.json", "stores": []}),
        json!({"store": "shop", "secret": "s", "customer": {"email": "ann@example.com"}}),
        json!({"store": "shop", "event": {"type": "t", "unique_id": "e-1", "customer": {"external_id": "c-1"}}}),
    ] {
        assert_eq!(errors("seed", &seed), [""; 0], "{seed}");
    }
    let wrong =
        json!({"stores": [{"id": "shop", "customers": [{"fistname": "Ann", "tags": 1}], "events": [{}]}], "store": ""});
    assert_snapshot!(errors("seed", &wrong).join("\n"), @r#"
    /store: "" is shorter than 1 character
    /stores/0/customers/0/tags: 1 is not of types "null", "string"
    /stores/0/customers/0: Additional properties are not allowed ('fistname' was unexpected)
    /stores/0/events/0: "type" is a required property
    /stores/0/events/0: "unique_id" is a required property
    /stores/0/events/0: "customer" is a required property
    "#);
}

#[test]
fn the_other_schemas_accept_what_the_mock_writes() {
    let mock = Process::with(&["--seed", &data("shop.json"), "--quiet"]);
    mock.get("/core/v3/stores/shop/customers?limit=1&expand=loyalty");
    mock.get("/nowhere");
    let get = |path: &str| -> Value {
        let mut response = crate::support::agent().get(format!("{}{path}", mock.url)).call().expect("an answer");
        response.body_mut().read_json().expect("JSON")
    };
    for (schema, document) in [
        ("state", get("/_mock/state")),
        ("report", get("/_mock/report")),
        ("journal", get("/_mock/requests")["requests"][0].take()),
        ("journal", get("/_mock/requests")["requests"][1].take()),
    ] {
        assert_eq!(errors(schema, &document), [""; 0], "{schema}");
    }
}

#[test]
fn completions_and_manual_pages_know_the_flags() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("visibility-delay") && script.contains("exec"), "{shell}: {script}");
    }
    let page = printed(&["man"]);
    assert!(page.contains("\n.TH yotpo-mock 1") && page.contains("visibility\\-delay"), "{page}");
    for subcommand in ["serve", "wait", "env", "exec", "check", "schema", "completions", "man"] {
        let page = printed(&["man", subcommand]);
        assert!(page.contains(&format!("\n.TH yotpo-mock-{subcommand} 1")), "{subcommand}: {page}");
    }
    assert!(printed(&["man", "serve"]).contains("Number of threads that serve requests"), "all flags are explained");
    assert_snapshot!(failure(&["man", "sevre"]), @"
    Some(2)
    error: `sevre` is no subcommand, only serve, wait, env, exec, check, schema, completions, man, help

    Usage: yotpo-mock [OPTIONS]
           yotpo-mock <COMMAND>

    For more information, try '--help'.
    ");
}
