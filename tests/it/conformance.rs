//! Checks requests and responses against the documents in `openapi/`, with tests of the check itself.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use validator::ValidateEmail;

use crate::support::Response;

/// An OpenAPI document with its compiled schemas.
pub struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The emulated API.
pub static CUSTOMERS: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(include_str!("../../openapi/customers.json")));

/// The control API.
pub static CONTROL: LazyLock<Contract> = LazyLock::new(|| Contract::new(include_str!("../../openapi/control.json")));

impl Contract {
    fn new(json: &str) -> Contract {
        Contract { document: serde_json::from_str(json).expect("the document is JSON"), validators: Mutex::default() }
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Resolves a `$ref` within the document.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("references are local");
                self.resolve(self.document.pointer(pointer).unwrap_or_else(|| panic!("{reference} does not exist")))
            }
            None => value,
        }
    }

    /// The operation for a method and a path.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let method = if method == "HEAD" { "get" } else { &method.to_lowercase() };
        let paths = self.document["paths"].as_object().expect("paths are an object");
        let item = paths.iter().find(|(template, _)| matches(template, path))?.1;
        item.get(method)
    }

    /// Checks a response against the document.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn check_response(&self, method: &str, path: &str, response: &Response) -> Result<(), String> {
        let status = response.status.to_string();
        let described = self
            .operation(method, path)
            .and_then(|operation| operation["responses"].get(&status))
            .or_else(|| self.document["x-unmatched"].get(&status))
            .ok_or_else(|| format!("{method} {path} must not return {status}"))?;
        let described = self.resolve(described);
        let none = Map::new();
        let headers = described["headers"].as_object().unwrap_or(&none);
        for (name, header) in headers {
            self.check_header(name, self.resolve(header), response)?;
        }
        for (name, _) in &response.headers {
            let ours = (name.starts_with("x-") && name != "x-content-type-options")
                || name.starts_with("ratelimit")
                || ["allow", "retry-after"].contains(&name.as_str());
            if ours && !headers.keys().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(format!("{status} must not have the header {name}"));
            }
        }
        if method == "HEAD" {
            return if response.body.is_empty() { Ok(()) } else { Err("HEAD must have no body".to_owned()) };
        }
        let content = described["content"].as_object().unwrap_or(&none);
        let types = || content.keys().cloned().collect::<Vec<_>>().join(" or ");
        let sent = response.header("content-type");
        let Some((media_type, described)) = sent.and_then(|sent| content.get_key_value(sent)) else {
            return Err(format!("Content-Type must be {} and is {sent:?}", types()));
        };
        let body = if media_type == "application/json" {
            serde_json::from_slice(&response.body).map_err(|error| format!("the body is not JSON: {error}"))?
        } else {
            Value::String(String::from_utf8_lossy(&response.body).into_owned())
        };
        self.check(&described["schema"], &body, "the body")
    }

    fn check_header(&self, name: &str, described: &Value, response: &Response) -> Result<(), String> {
        let values: Vec<_> =
            response.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect();
        if values.is_empty() && described["required"] == true {
            return Err(format!("the header {name} is missing"));
        }
        let schema = &described["schema"];
        values.into_iter().try_for_each(|value| self.check(schema, &self.typed(schema, value), name))
    }

    /// Checks a request that should be valid against the document.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn check_request(&self, method: &str, path_and_query: &str, body: Option<&Value>) -> Result<(), String> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let operation =
            self.operation(method, path).ok_or_else(|| format!("{method} {path} is not in the document"))?;
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: HashMap<_, _> = parameters
            .map(|parameter| self.resolve(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| (parameter["name"].as_str().expect("parameters have names"), &parameter["schema"]))
            .collect();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match parameters.get(&*name) {
                Some(schema) => self.check(schema, &self.typed(schema, &value), &name)?,
                None if name == "access_token" => {}
                None => return Err(format!("{name} is not a parameter of {method} {path}")),
            }
        }
        match (body, operation.get("requestBody")) {
            (Some(body), Some(described)) => {
                let schema = &self.resolve(described)["content"]["application/json"]["schema"];
                self.check(schema, body, "the body")
            }
            (None, Some(described)) if self.resolve(described)["required"] == true => {
                Err(format!("{method} {path} requires a body"))
            }
            _ => Ok(()),
        }
    }

    /// Converts a text to the type of its schema.
    fn typed(&self, schema: &Value, text: &str) -> Value {
        match self.resolve(schema)["type"].as_str() {
            Some("integer") => text.parse::<u64>().map_or_else(|_| json!(text), Value::from),
            _ => json!(text),
        }
    }

    /// Checks a value against a schema of the document.
    ///
    /// # Errors
    ///
    /// The first difference, with its place.
    pub fn check(&self, schema: &Value, value: &Value, what: &str) -> Result<(), String> {
        let validator = self
            .validators
            .lock()
            .expect("no test panics while it holds the lock")
            .entry(schema.to_string())
            .or_insert_with(|| Arc::new(self.validator(schema)))
            .clone();
        validator.validate(value).map_err(|error| format!("{what} at `{}`: {error}", error.instance_path()))
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut root: Map<_, _> = schema.as_object().cloned().unwrap_or_else(|| panic!("{schema} is a schema"));
        root.insert("components".to_owned(), self.document["components"].clone());
        jsonschema::options()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_format("email", is_email)
            .with_format("iso-8601", is_date)
            .with_format("iso-639-1", |text: &str| is_code(text, 2, u8::is_ascii_lowercase))
            .with_format("iso-4217", |text: &str| is_code(text, 3, u8::is_ascii_uppercase))
            .with_format("iso-3166-1-alpha-2", |text: &str| is_code(text, 2, u8::is_ascii_uppercase))
            .build(&Value::Object(root))
            .expect("the schemas of the document are valid")
    }
}

/// The HTML5 rule for the trimmed text; a blank text counts as absent.
fn is_email(text: &str) -> bool {
    text.trim().is_empty() || text.trim().validate_email()
}

/// Whether a text has the form of a code. Other tests cover the tables.
fn is_code(text: &str, length: usize, is_letter: fn(&u8) -> bool) -> bool {
    text.len() == length && text.as_bytes().iter().all(is_letter)
}

/// Whether a text begins with a date. Other tests cover the time.
fn is_date(text: &str) -> bool {
    text.get(..10).is_some_and(|date| date.parse::<chrono::NaiveDate>().is_ok())
}

/// Whether a path matches a template such as `/core/v3/stores/{store_id}/customers`.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(expected, found)| expected.starts_with('{') && !found.is_empty() || *expected == found)
}

mod tests {
    use super::*;
    use crate::support::{Emulator, customers};

    const SEED: &str = include_str!("../data/shop.json");

    /// A real page with all optional parts.
    fn page() -> Response {
        let emulator = Emulator::seeded(SEED);
        let mut response = emulator.get(&customers("?limit=2&include_custom_properties=true&expand=loyalty,reviews"));
        // No document describes this header.
        response.headers.retain(|(name, _)| name != "date");
        response
    }

    fn check(response: &Response) -> Result<(), String> {
        CUSTOMERS.check_response("GET", "/core/v3/stores/shop/customers", response)
    }

    fn with_body(response: &Response, body: &Value) -> Response {
        Response { body: body.to_string().into_bytes(), ..response.clone() }
    }

    /// Every object in a value, by its pointer.
    fn objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.push(pointer.to_owned());
                for (key, value) in object {
                    objects(value, &format!("{pointer}/{key}"), found);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    objects(value, &format!("{pointer}/{at}"), found);
                }
            }
            _ => {}
        }
    }

    /// Whether a key may be absent, or belongs to an object that may have any keys.
    fn is_free(pointer: &str, key: &str) -> bool {
        let parent = pointer.rsplit('/').next().unwrap_or_default();
        pointer.contains("/channels")
            || parent == "custom_properties"
            || ["custom_properties", "loyalty", "yotpo_ugc"].contains(&key)
    }

    #[test]
    fn an_unchanged_response_passes() {
        assert_eq!(check(&page()), Ok(()));
    }

    #[test]
    fn a_response_without_any_one_key_fails() {
        let page = page();
        let body: Value = serde_json::from_slice(&page.body).unwrap();
        let mut pointers = Vec::new();
        objects(&body, "", &mut pointers);
        let mut tried = 0;
        for pointer in pointers {
            let keys: Vec<_> = body.pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for key in keys.iter().filter(|key| !is_free(&pointer, key)) {
                let mut less = body.clone();
                less.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(key);
                assert!(check(&with_body(&page, &less)).is_err(), "{pointer} without {key} passes");
                tried += 1;
            }
        }
        assert!(tried > 80, "only {tried} keys were tried");
    }

    #[test]
    fn a_response_with_an_additional_key_fails() {
        let page = page();
        let body: Value = serde_json::from_slice(&page.body).unwrap();
        let mut pointers = Vec::new();
        objects(&body, "", &mut pointers);
        for pointer in pointers.iter().filter(|pointer| !pointer.ends_with("/custom_properties")) {
            let mut plus = body.clone();
            plus.pointer_mut(pointer).unwrap()["additional"] = json!(1);
            assert!(check(&with_body(&page, &plus)).is_err(), "{pointer} with an additional key passes");
        }
    }

    #[test]
    fn a_response_with_any_value_of_a_wrong_type_fails() {
        let page = page();
        let body: Value = serde_json::from_slice(&page.body).unwrap();
        let mut pointers = Vec::new();
        objects(&body, "", &mut pointers);
        for pointer in pointers {
            let keys: Vec<_> = body.pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for key in keys {
                let mut wrong = body.clone();
                let place = &mut wrong.pointer_mut(&pointer).unwrap()[&key];
                // No field is an array of arrays.
                *place = json!([[]]);
                assert!(check(&with_body(&page, &wrong)).is_err(), "{pointer}/{key} of a wrong type passes");
            }
        }
    }

    #[test]
    fn a_response_without_a_header_or_with_a_wrong_status_fails() {
        let page = page();
        for name in
            ["x-yotpo-mock-request", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "content-type"]
        {
            let mut less = page.clone();
            less.headers.retain(|(key, _)| key != name);
            assert!(check(&less).is_err(), "a response without {name} passes");
        }
        let mut plus = page.clone();
        plus.headers.push(("x-additional".to_owned(), "1".to_owned()));
        assert!(check(&plus).is_err(), "an additional header passes");
        for status in [201, 204, 400, 422] {
            assert!(check(&Response { status, ..page.clone() }).is_err(), "{status} passes");
        }
    }

    #[test]
    fn a_request_with_a_wrong_type_or_parameter_fails() {
        let path = "/core/v3/stores/shop/customers";
        let upsert = |customer: Value| CUSTOMERS.check_request("PATCH", path, Some(&json!({ "customer": customer })));
        assert_eq!(upsert(json!({"external_id": "c-1", "gender": "F", "tags": null})), Ok(()));
        for wrong in [json!({"external_id": "c-1", "gender": "f"}), json!({"external_id": []}), json!([]), Value::Null]
        {
            assert!(upsert(wrong.clone()).is_err(), "{wrong} passes");
        }
        assert!(CUSTOMERS.check_request("PATCH", path, None).is_err());
        assert!(CUSTOMERS.check_request("GET", &format!("{path}?limit=100&email=a%40b.co"), None).is_ok());
        for wrong in ["limit=0", "limit=ten", "colour=red", "email="] {
            assert!(CUSTOMERS.check_request("GET", &format!("{path}?{wrong}"), None).is_err(), "{wrong} passes");
        }
    }
}
