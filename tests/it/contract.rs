//! The contract against the code, both ways: each constraint of a request schema in `openapi/customers.yaml` is violated, as
//! little as can be, and must be rejected with exactly the rule listed for it; its valid neighbour must pass.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yotpo_mock::rule;

use crate::conformance::CUSTOMERS;
use crate::support::{Emulator, Response, customers};

/// The keywords of a schema that can be violated.
const KEYWORDS: [&str; 11] = [
    "type",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "required",
    "propertyNames",
];

/// A placeholder in a body, replaced by a value as text, so that numbers beyond 64 bits can be sent.
const MARK: &str = "put it here";

/// A value as JSON text, and the rules that must reject it.
struct Violation {
    json: String,
    rules: String,
}

/// One keyword of one schema, and the location of the value that it constrains.
struct Constraint {
    place: Vec<String>,
    schema: Value,
    keyword: &'static str,
}

/// Every constraint below a schema that names a rule.
fn constraints(schema: &Value, place: &[String], found: &mut Vec<Constraint>) {
    let target = CUSTOMERS.resolve(schema);
    for keyword in KEYWORDS {
        if target.get(keyword).is_some() && target["x-rule"].get(keyword).is_some() {
            found.push(Constraint { place: place.to_vec(), schema: target.clone(), keyword });
        }
    }
    for (name, property) in target["properties"].as_object().into_iter().flatten() {
        constraints(property, &[place, std::slice::from_ref(name)].concat(), found);
    }
    if let Some(values) = target.get("additionalProperties") {
        constraints(values, &[place, &["some_key".to_owned()]].concat(), found);
    }
}

/// The ids of the rules at one place of an `x-rule`, as the header joins them.
fn ids(rules: &Value) -> String {
    match rules {
        Value::String(id) => id.clone(),
        Value::Array(ids) => ids.iter().map(|id| id.as_str().expect("an id")).collect::<Vec<_>>().join(", "),
        other => panic!("{other} names no rule"),
    }
}

fn text_of(length: u64, schema: &Value) -> Value {
    let length = usize::try_from(length).expect("a length");
    if schema["format"] != "email" {
        return json!("x".repeat(length));
    }
    // As long as it must be and well-formed: a local part of 64 and labels of at most 63 characters.
    let mut address = format!("{}@", "a".repeat(64));
    while length - address.len() > 62 {
        address.push_str(&"d".repeat(61));
        address.push('.');
    }
    address.push_str(&"d".repeat(length - address.len()));
    json!(address)
}

/// A value that a schema takes.
fn valid(schema: &Value) -> Value {
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    match schema["format"].as_str() {
        Some("email") => return json!("ann@example.com"),
        Some("iso-8601") => return json!("2021-03-27"),
        Some("iso-639-1") => return json!("en"),
        Some("iso-4217") => return json!("USD"),
        Some("iso-3166-1-alpha-2") => return json!("US"),
        Some(other) => panic!("{other} is a format that this test knows"),
        None => {}
    }
    if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("{6,14}")) {
        return json!("+1234567");
    }
    if schema["pattern"] == TRUE_OR_FALSE {
        return json!("true");
    }
    let is_type = |wanted: &str| {
        schema["type"] == wanted || schema["type"].as_array().is_some_and(|types| types.contains(&json!(wanted)))
    };
    match () {
        () if is_type("string") => json!("x"),
        () if is_type("integer") => json!(1),
        () => json!({}),
    }
}

/// The pattern of a boolean that is sent as a string.
const TRUE_OR_FALSE: &str = "^(true|false)$";

/// The smallest values that break one keyword.
fn violations(constraint: &Constraint) -> Vec<Violation> {
    let Constraint { schema, keyword, .. } = constraint;
    let rules = &schema["x-rule"][*keyword];
    let one = |value: Value| vec![Violation { json: value.to_string(), rules: ids(rules) }];
    let limit = &schema[*keyword];
    match *keyword {
        "type" => {
            let types = match limit {
                Value::Array(types) => types.clone(),
                other => vec![other.clone()],
            };
            [
                ("null", "null"),
                ("boolean", "true"),
                ("number", "1.5"),
                ("string", "\"x\""),
                ("array", "[]"),
                ("object", "{}"),
            ]
            .into_iter()
            .filter(|(name, _)| !types.contains(&json!(name)))
            .map(|(name, json)| Violation { json: json.to_owned(), rules: ids(rules.get(name).unwrap_or(rules)) })
            .collect()
        }
        "enum" | "const" => one(json!("no such value")),
        "format" => one(json!(match schema["format"].as_str() {
            Some("email") => "ann@",
            Some("iso-8601") => "2021-02-29",
            Some("iso-639-1") => "zz",
            Some("iso-4217") => "ZZZ",
            _ => "ZZ",
        })),
        // One digit too few, a blank, or nothing but a comma: whatever the pattern is for.
        "pattern" => one(json!(match limit.as_str() {
            Some(r"[^\s\x85]|\uFEFF") => " \u{85}",
            Some("[^,]") => ",",
            Some(TRUE_OR_FALSE) => "True",
            _ => "+123456",
        })),
        "minLength" => one(text_of(limit.as_u64().expect("a length") - 1, schema)),
        "maxLength" => one(text_of(limit.as_u64().expect("a length") + 1, schema)),
        "minimum" | "maximum" => {
            let bound = limit.as_i64().map(i128::from).or(limit.as_u64().map(i128::from)).expect("a bound");
            let beyond = if *keyword == "minimum" { bound - 1 } else { bound + 1 };
            vec![Violation { json: beyond.to_string(), rules: ids(rules) }]
        }
        "propertyNames" => {
            [json!({"aB": 1}), json!({"": 1}), json!({"a".repeat(33): 1})].into_iter().flat_map(one).collect()
        }
        other => panic!("{other} is violated elsewhere"),
    }
}

/// Values that just keep to one keyword.
fn neighbours(constraint: &Constraint) -> Vec<String> {
    let Constraint { schema, keyword, .. } = constraint;
    let limit = &schema[*keyword];
    match *keyword {
        "enum" => limit.as_array().expect("values").iter().map(Value::to_string).collect(),
        "minLength" | "maxLength" => vec![text_of(limit.as_u64().expect("a length"), schema).to_string()],
        "minimum" | "maximum" => vec![limit.to_string()],
        "propertyNames" => vec![json!({"a_b": 1}).to_string()],
        _ => vec![valid(schema).to_string()],
    }
}

/// A smallest valid body of an operation.
fn smallest(operation: &str) -> Value {
    match operation {
        "createAccessToken" => json!({"secret": "x"}),
        "createOauthToken" => {
            json!({"client_id": "shop", "client_secret": "x", "grant_type": "client_credentials"})
        }
        "upsertCustomer" => json!({"customer": {"external_id": "c-1"}}),
        _ => json!({"customer_event": {"type": "t", "unique_id": "u-1", "customer": {"external_id": "c-1"}}}),
    }
}

/// A body with another value at one place, which need not be there yet.
fn with(body: &Value, place: &[String], value: &Value) -> Value {
    match place.split_first() {
        None => value.clone(),
        Some((name, rest)) => {
            let mut body = if body.is_object() { body.clone() } else { json!({}) };
            body[name] = with(&body[name], rest, value);
            body
        }
    }
}

fn without(body: &Value, place: &[String], name: &str) -> Value {
    let mut object = place.iter().fold(body, |value, name| &value[name]).clone();
    object.as_object_mut().expect("only an object has required properties").remove(name);
    with(body, place, &object)
}

/// The emulator that all constraints are tried on, a token for it, and how many were tried.
struct Trial {
    emulator: Emulator,
    token: String,
    tried: usize,
}

impl Trial {
    fn new() -> Trial {
        let customers = [json!({"external_id": "c-1", "email": "ann@example.com"}), json!({"external_id": "c-2"})];
        // The smallest text that a schema takes is a store and its secret, too.
        let seed =
            json!({"stores": [{"id": "shop", "secret": "x", "customers": customers}, {"id": "x", "secret": "x"}]});
        let emulator = Emulator::seeded(&seed.to_string());
        let token = emulator.token("shop", "x").json()["access_token"].as_str().expect("a token").to_owned();
        Trial { emulator, token, tried: 0 }
    }

    /// Everything that a rejected request must leave as it is.
    fn state(&self) -> (Vec<u8>, String) {
        let page = self.emulator.anonymous("GET", &customers("?include_custom_properties=true&expand=loyalty,reviews"));
        (page.token(&self.token).send().body, crate::event::all_events(&self.emulator))
    }

    fn rejected(&mut self, operation: &Value, violation: &Violation, what: &str, send: impl Fn(&Trial) -> Response) {
        self.tried += 1;
        let before = self.state();
        let response = send(self);
        assert_eq!(response.rule(), Some(&*violation.rules), "{what}\n{response}");
        let documented = operation["responses"].as_object().expect("responses").iter().find(|(_, response)| {
            let rules = CUSTOMERS.resolve(response)["x-rule"].as_array();
            violation.rules.split(", ").all(|id| rules.is_some_and(|rules| rules.contains(&json!(id))))
        });
        let (status, _) = documented.unwrap_or_else(|| panic!("{} is in no response: {what}", violation.rules));
        assert_eq!(response.status().to_string(), *status, "{what}");
        assert!(self.state() == before, "{what} was rejected and left something behind");
    }

    fn body(&mut self, path: &str, method: &str, operation: &Value, media: &str, schema: &Value) {
        let id = operation["operationId"].as_str().expect("an id");
        let smallest = smallest(id);
        let mut found = Vec::new();
        constraints(schema, &[], &mut found);
        let is_form = media.contains("form");
        let send = |trial: &Trial, body: String| {
            let body = if is_form { form(&body) } else { body };
            let request = trial.emulator.anonymous(method, path).body(media, body);
            if operation.get("security").is_some() { request.send() } else { request.token(&trial.token).send() }
        };
        for constraint in &found {
            let at = |json: &str| {
                let body = with(&smallest, &constraint.place, &json!(MARK)).to_string();
                body.replace(&json!(MARK).to_string(), json)
            };
            let place = format!("{id}: {} of /{}", constraint.keyword, constraint.place.join("/"));
            if constraint.keyword == "required" {
                for name in constraint.schema["required"].as_array().expect("names") {
                    let name = name.as_str().expect("a name");
                    let rules = &constraint.schema["x-rule"]["required"];
                    let violation = Violation {
                        json: without(&smallest, &constraint.place, name).to_string(),
                        rules: ids(rules.get(name).unwrap_or(rules)),
                    };
                    self.rejected(operation, &violation, &place, |trial| send(trial, violation.json.clone()));
                }
            } else {
                for violation in violations(constraint) {
                    let body = at(&violation.json);
                    self.rejected(operation, &violation, &format!("{place}: {body}"), |trial| {
                        send(trial, body.clone())
                    });
                }
                for neighbour in neighbours(constraint) {
                    // The smallest body already has every required object, with its required members.
                    let is_there = constraint.schema["type"] == "object";
                    let body = if is_there { smallest.to_string() } else { at(&neighbour) };
                    let response = send(self, body.clone());
                    assert_eq!(response.status(), 200, "{place}: the valid neighbour {body} is rejected\n{response}");
                }
            }
        }
    }

    fn query(&mut self, operation: &Value, parameter: &Value) {
        let name = parameter["name"].as_str().expect("a name");
        let mut found = Vec::new();
        constraints(&parameter["schema"], &[], &mut found);
        let send = |trial: &Trial, json: &str| {
            let value: Value = serde_json::from_str(json).expect("JSON");
            let text = value.as_str().map_or(json.to_owned(), str::to_owned);
            let query: String = form_urlencoded::Serializer::new(String::new()).append_pair(name, &text).finish();
            trial.emulator.anonymous("GET", &customers(&format!("?{query}"))).token(&trial.token).send()
        };
        for constraint in &found {
            let place = format!("{name}: {}", constraint.keyword);
            // Everything in a query is text, which is the only type that can be wrong there.
            let is_text = |violation: &Violation| constraint.keyword != "type" || violation.json.starts_with('"');
            for violation in violations(constraint).into_iter().filter(is_text) {
                self.rejected(operation, &violation, &place, |trial| send(trial, &violation.json));
            }
            for neighbour in neighbours(constraint) {
                let neighbour = match name {
                    "page_info" => {
                        let page = self.emulator.anonymous("GET", &customers("?limit=1")).token(&self.token).send();
                        let cursor = page.next_page().expect("a second page");
                        json!(cursor.replace("%3D", "=")).to_string()
                    }
                    _ => neighbour,
                };
                let response = send(self, &neighbour);
                assert_eq!(response.status(), 200, "{place}: the valid neighbour {neighbour} is rejected\n{response}");
            }
        }
    }
}

/// A JSON object of texts as a form.
fn form(json: &str) -> String {
    let object: Value = serde_json::from_str(json).expect("JSON");
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in object.as_object().expect("a form is an object") {
        form.append_pair(name, value.as_str().expect("a form has texts"));
    }
    form.finish()
}

/// Path, method and operation of everything in the document.
fn operations() -> impl Iterator<Item = (&'static str, String, &'static Value)> {
    let paths = CUSTOMERS.document()["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("an item").iter();
        let methods = methods.filter(|(_, operation)| operation.get("operationId").is_some());
        methods.map(move |(method, operation)| (path.as_str(), method.to_uppercase(), operation))
    })
}

fn parameters(operation: &'static Value) -> impl Iterator<Item = &'static Value> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.map(|parameter| CUSTOMERS.resolve(parameter))
}

fn bodies(operation: &'static Value) -> impl Iterator<Item = (&'static String, &'static Value)> {
    let body = CUSTOMERS.resolve(&operation["requestBody"]);
    let content = body["content"].as_object().into_iter().flatten();
    content.map(|(media, described)| (media, &described["schema"]))
}

#[test]
fn each_constraint_of_a_request_schema_is_rejected_by_its_rule_and_its_valid_neighbour_passes() {
    let mut trial = Trial::new();
    for (path, method, operation) in operations() {
        let path = path.replace("{store_id}", "shop");
        for (media, schema) in bodies(operation) {
            trial.body(&path, &method, operation, media, schema);
        }
        for parameter in parameters(operation).filter(|parameter| parameter["in"] == "query") {
            trial.query(operation, parameter);
        }
    }
    assert!(trial.tried > 500, "only {} violations were tried", trial.tried);
}

#[test]
fn an_empty_store_id_is_no_path() {
    for path in ["access_tokens", "customers", "customer_events"] {
        let response = Emulator::new().anonymous("GET", &format!("/core/v3/stores//{path}")).send();
        assert_eq!(response.rule(), Some("path.unknown"));
    }
}

#[test]
fn no_keyword_of_a_request_schema_is_without_its_rule() {
    let mut checked = 0;
    for (_, _, operation) in operations() {
        let in_bodies = bodies(operation).map(|(media, schema)| (media.contains("form"), schema));
        let in_queries = parameters(operation).map(|parameter| (true, &parameter["schema"]));
        for (is_text, schema) in in_bodies.chain(in_queries) {
            checked += every_keyword_has_a_rule(schema, is_text);
        }
    }
    assert!(checked > 200, "only {checked} keywords were found");
}

fn every_keyword_has_a_rule(schema: &Value, is_text: bool) -> usize {
    let schema = CUSTOMERS.resolve(schema);
    let mut checked = 0;
    for keyword in KEYWORDS.iter().filter(|keyword| schema.get(**keyword).is_some()) {
        // In a query or a form everything is text, and there is nothing else that it could be.
        let cannot_be_violated = is_text
            && *keyword == "type"
            && ["string", "boolean", "object"].contains(&schema["type"].as_str().unwrap_or_default());
        assert!(cannot_be_violated || schema["x-rule"].get(*keyword).is_some(), "{keyword} of {schema} names no rule");
        checked += 1;
    }
    for forbidden in
        ["additionalItems", "items", "minProperties", "maxProperties", "multipleOf", "not", "oneOf", "anyOf", "allOf"]
    {
        assert!(schema.get(forbidden).is_none(), "{forbidden} is a keyword that the test above does not violate");
    }
    let properties = schema["properties"].as_object().into_iter().flatten().map(|(_, property)| property);
    checked
        + properties
            .chain(schema.get("additionalProperties"))
            .map(|inner| every_keyword_has_a_rule(inner, is_text))
            .sum::<usize>()
}

/// Every id that an `x-rule` anywhere in a value names.
pub fn rules_named(value: &Value, found: &mut BTreeSet<String>) {
    fn leaves(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(id) => {
                found.insert(id.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| leaves(value, found)),
            Value::Object(object) => object.values().for_each(|value| leaves(value, found)),
            _ => {}
        }
    }
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if key == "x-rule" { leaves(value, found) } else { rules_named(value, found) }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| rules_named(value, found)),
        _ => {}
    }
}

/// Every rule that a constraint of a request schema names.
pub fn rules_of_schemas() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, _, operation) in operations() {
        for (_, schema) in bodies(operation) {
            let mut within = Vec::new();
            constraints(schema, &[], &mut within);
            within.iter().for_each(|constraint| rules_named(&constraint.schema, &mut found));
        }
        parameters(operation).for_each(|parameter| rules_named(parameter, &mut found));
    }
    found
}

#[test]
fn no_rule_of_the_code_is_missing_from_the_document_and_none_of_the_document_from_the_code() {
    let mut in_document = BTreeSet::new();
    rules_named(CUSTOMERS.document(), &mut in_document);
    let in_code: BTreeSet<_> = rule::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(in_document, in_code);
}

#[test]
fn each_rule_of_a_schema_is_on_a_response_of_its_operation_too() {
    for (path, method, operation) in operations() {
        let mut in_responses = BTreeSet::new();
        for (_, response) in operation["responses"].as_object().expect("responses") {
            rules_named(CUSTOMERS.resolve(response), &mut in_responses);
        }
        for (_, schema) in bodies(operation) {
            let mut within = Vec::new();
            constraints(schema, &[], &mut within);
            let mut in_schema = BTreeSet::new();
            within
                .iter()
                .for_each(|constraint| rules_named(&json!({"x-rule": constraint.schema["x-rule"]}), &mut in_schema));
            assert!(in_schema.is_subset(&in_responses), "{method} {path}");
        }
    }
}
