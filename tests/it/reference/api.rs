//! `emulated-api.md` and `control-api.md`, from the OpenAPI documents. The answers of the examples are those of an emulator.

use std::fmt::Write;

use serde_yaml_ng::Value;
use yotpo_mock::{DEFAULT_PORT, YotpoMock};

use super::{cell, check_page};
use crate::support::agent;

/// A request of an example.
struct Call {
    method: &'static str,
    path: &'static str,
    body: &'static str,
}

const fn call(method: &'static str, path: &'static str, body: &'static str) -> Call {
    Call { method, path, body }
}

const SHOP: &str = "/core/v3/stores/shop";
const ANN: Call = call(
    "PATCH",
    "/core/v3/stores/shop/customers",
    r#"{"customer": {"external_id": "c-1", "email": "ann@example.com"}}"#,
);
const CLOCK: Call = call("PUT", "/_mock/clock", r#"{"now": "2030-01-01T00:00:00Z", "frozen": true}"#);
const EVENT: Call = call(
    "PATCH",
    "/core/v3/stores/shop/customer_events",
    r#"{"customer_event": {"unique_id": "r-1", "type": "item_returned", "customer": {"external_id": "c-1"}}}"#,
);
const FAULT: Call =
    call("POST", "/_mock/faults", r#"{"match": {"operation": "upsertCustomer"}, "times": 1, "status": 503}"#);
const SNAPSHOT: Call = call("PUT", "/_mock/snapshots/before", "");

/// The example of each operation, after the requests that prepare it.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &[Call], Call)] = &[
    ("createAccessToken", &[], call("POST", "/core/v3/stores/shop/access_tokens", r#"{"secret": "s3cret"}"#)),
    ("createOauthToken", &[], call("POST", "/oauth/token", r#"{"client_id": "shop", "client_secret": "s3cret", "grant_type": "client_credentials"}"#)),
    ("retrieveCustomers", &[CLOCK, ANN], call("GET", "/core/v3/stores/shop/customers?email=ann%40example.com", "")),
    ("upsertCustomer", &[], ANN),
    ("upsertCustomerEvent", &[], EVENT),
    ("upsertCustomerEventByPost", &[], Call { method: "POST", ..EVENT }),
    ("health", &[], call("GET", "/_mock/health", "")),
    ("reset", &[ANN], call("POST", "/_mock/reset", r#"{"to": "empty"}"#)),
    ("faults", &[FAULT], call("GET", "/_mock/faults", "")),
    ("addFault", &[], FAULT),
    ("clearFaults", &[FAULT], call("DELETE", "/_mock/faults", "")),
    ("fault", &[FAULT], call("GET", "/_mock/faults/1", "")),
    ("removeFault", &[FAULT], call("DELETE", "/_mock/faults/1", "")),
    ("settle", &[], call("POST", "/_mock/settle", "")),
    ("clock", &[CLOCK], call("GET", "/_mock/clock", "")),
    ("setClock", &[], CLOCK),
    ("advanceClock", &[CLOCK], call("POST", "/_mock/clock/advance", r#"{"seconds": 1209601}"#)),
    ("settings", &[], call("GET", "/_mock/settings", "")),
    ("changeSettings", &[], call("PATCH", "/_mock/settings", r#"{"rate_limit": 5, "visibility_delay_ms": 60000}"#)),
    ("requests", &[CLOCK, ANN], call("GET", "/_mock/requests?operation=upsertCustomer", "")),
    ("clearRequests", &[ANN], call("DELETE", "/_mock/requests", "")),
    ("verifyRequests", &[ANN], call("POST", "/_mock/requests/verify", r#"{"store": "shop", "operation": "upsertCustomer", "body": {"customer": {"email": "bob@example.com"}}, "count": 1}"#)),
    ("request", &[CLOCK, ANN], call("GET", "/_mock/requests/1", "")),
    ("report", &[ANN], call("GET", "/_mock/report", "")),
    ("clearReport", &[ANN], call("DELETE", "/_mock/report", "")),
    ("state", &[CLOCK, ANN], call("GET", "/_mock/state?store=shop", "")),
    ("replaceState", &[], call("PUT", "/_mock/state?store=shop", r#"{"stores": [{"id": "shop", "customers": [{"external_id": "c-1"}]}]}"#)),
    ("saveState", &[], call("POST", "/_mock/state/save", "")),
    ("seed", &[], call("POST", "/_mock/seed", r#"{"stores": [{"id": "shop", "customers": [{"external_id": "c-1", "email": "ann@example.com"}]}]}"#)),
    ("snapshots", &[CLOCK, SNAPSHOT], call("GET", "/_mock/snapshots", "")),
    ("snapshot", &[CLOCK, SNAPSHOT], call("GET", "/_mock/snapshots/before", "")),
    ("takeSnapshot", &[CLOCK, ANN], SNAPSHOT),
    ("deleteSnapshot", &[SNAPSHOT], call("DELETE", "/_mock/snapshots/before", "")),
    ("restoreSnapshot", &[CLOCK, SNAPSHOT], call("POST", "/_mock/snapshots/before/restore", "")),
    ("stores", &[ANN], call("GET", "/_mock/stores", "")),
    ("storeCustomers", &[CLOCK, ANN], call("GET", "/_mock/stores/shop/customers", "")),
    ("lineage", &[CLOCK, ANN], call("GET", "/_mock/stores/shop/customers/1/lineage", "")),
    ("storeEvents", &[CLOCK, EVENT], call("GET", "/_mock/stores/shop/events", "")),
    ("explain", &[CLOCK, ANN], call("POST", "/_mock/stores/shop/explain", r#"{"customer": {"email": "ann@example.com", "gender": "F"}}"#)),
    ("generate", &[], call("POST", "/_mock/stores/shop/generate", r#"{"customers": 100, "events": 20, "seed": 42}"#)),
];

/// Operations whose answer is a document of its own, with a file to save it in.
const FILES: &[(&str, &str, &str)] = &[
    ("openapi", "/_mock/openapi.json", "openapi.json"),
    ("controlOpenapi", "/_mock/control.openapi.json", "control.json"),
    ("caCertificate", "/_mock/ca.pem", "ca.pem"),
];

#[test]
fn the_page_of_the_emulated_api_is_up_to_date() {
    let introduction = "\
        What the emulator answers to an integration. Each operation has a command to try it with, beside an emulator on the default\n\
        port (`yotpo-mock`), and the answer. `jq` formats it. In the tables, a word in italics is the evidence of a field, and an id\n\
        such as `customer.gender.enum` is a [rule](rules.md) that rejects other values.\n\n\
        `openapi/customers.yaml` in the repository, which is also served as `/_mock/openapi.json`, is the same as an OpenAPI document.";
    let yaml = include_str!("../../../openapi/customers.yaml");
    check_page("emulated-api.md", &render("# The emulated API", introduction, yaml));
}

#[test]
fn the_page_of_the_control_api_is_up_to_date() {
    let introduction = "\
        Everything that a test can do with a running emulator, by HTTP. Each operation has a command to try it with, beside an\n\
        emulator on the default port (`yotpo-mock`), and the answer. `jq` formats it. In Rust, Python and JavaScript, each is\n\
        [a method](clients.md).\n\n\
        `openapi/control.yaml` in the repository, which is also served as `/_mock/control.openapi.json`, is the same as an OpenAPI\n\
        document.";
    let yaml = include_str!("../../../openapi/control.yaml");
    check_page("control-api.md", &render("# The control API", introduction, yaml));
}

struct Document(Value);

fn render(title: &str, introduction: &str, yaml: &str) -> String {
    let document = Document(serde_yaml_ng::from_str(yaml).expect("YAML"));
    let mut page = format!("{title}\n\n{introduction}\n\n*Generated from the OpenAPI document.*\n");
    for tag in document.0["tags"].as_sequence().expect("tags") {
        write!(page, "\n## {}\n", text(&tag["description"]).trim_end_matches('.')).expect("a String can be written to");
        for (path, methods) in document.0["paths"].as_mapping().expect("paths") {
            let shared = &methods["parameters"];
            for (method, operation) in methods.as_mapping().expect("methods") {
                if operation["tags"].as_sequence().is_some_and(|tags| tags.contains(&tag["name"])) {
                    let line = format!("{} {}", text(method).to_uppercase(), text(path));
                    document.render_operation(&mut page, &line, operation, shared);
                }
            }
        }
    }
    // What follows the extensions of OpenAPI, which this page does not use.
    let description = text(&document.0["info"]["description"]);
    let conventions = description.split_once("**Formats**").map_or(&*description, |(_, rest)| rest);
    write!(page, "\n## Conventions\n\n{}\n", conventions.trim()).expect("a String can be written to");
    page
}

impl Document {
    fn render_operation(&self, page: &mut String, line: &str, operation: &Value, shared: &Value) {
        let id = text(&operation["operationId"]);
        let summary = text(&operation["summary"]);
        write!(page, "\n### {summary}\n\n`{line}`, operation `{id}`\n").expect("a String can be written to");
        if !operation["description"].is_null() {
            write!(page, "\n{}\n", text(&operation["description"])).expect("a String can be written to");
        }
        let parameters = [shared, &operation["parameters"]].into_iter().filter_map(Value::as_sequence).flatten();
        let parameters: Vec<_> = parameters.map(|parameter| self.resolve(parameter)).collect();
        if !parameters.is_empty() {
            page.push_str("\n| parameter | in | value | |\n|---|---|---|---|\n");
            for parameter in parameters {
                let [name, place, description] = ["name", "in", "description"].map(|key| text(&parameter[key]));
                writeln!(page, "| `{name}` | {place} | {} | {} |", self.kind(&parameter["schema"]), cell(&description))
                    .expect("a String can be written to");
            }
        }
        let body = &self.resolve(&operation["requestBody"])["content"]["application/json"]["schema"];
        let mut rows = String::new();
        // A state is restored as it was saved, not written by hand.
        if id != "replaceState" {
            self.render_fields(&mut rows, "", body);
        }
        if !rows.is_empty() {
            write!(page, "\n| field of the body | value | |\n|---|---|---|\n{rows}")
                .expect("a String can be written to");
        }
        if let Some((_, _, file)) = FILES.iter().find(|(file_id, ..)| *file_id == id) {
            let path = line.split(' ').next_back().expect("a path");
            write!(page, "\n```sh\ncurl -s -o {file} http://127.0.0.1:{DEFAULT_PORT}{path}\n```\n")
        } else {
            let example = EXAMPLES.iter().find(|(example_id, ..)| *example_id == id);
            let (_, before, request) = example.unwrap_or_else(|| panic!("`{id}` has no example"));
            let commands: String = before.iter().map(|call| call.curl() + " >/dev/null\n").collect();
            write!(
                page,
                "\n```sh\n{commands}{} | jq\n```\n\n```json\n{}\n```\n",
                request.curl(),
                answer(before, request)
            )
        }
        .expect("a String can be written to");
        page.push_str("\n| status | |\n|---|---|\n");
        for (status, response) in operation["responses"].as_mapping().expect("responses") {
            if status == "400" && response["$ref"] == "#/components/responses/Error" {
                continue;
            }
            let description = text(&self.resolve(response)["description"]);
            writeln!(page, "| {} | {} |", text(status), cell(&description)).expect("a String can be written to");
        }
    }

    /// Adds the fields of an object and of the objects in it.
    fn render_fields(&self, rows: &mut String, prefix: &str, schema: &Value) {
        for (name, given) in self.resolve(schema)["properties"].as_mapping().into_iter().flatten() {
            let field = format!("{prefix}{}", text(name));
            let schema = self.resolve(given);
            let description = if given["description"].is_null() { schema } else { given };
            let mut description = text(&description["description"]);
            for key in ["evidence", "rule"] {
                let value = if given[format!("x-{key}")].is_null() { schema } else { given };
                let mut ids: Vec<_> = strings(&value[format!("x-{key}")]);
                ids.dedup();
                if !ids.is_empty() {
                    let ids: Vec<_> = ids
                        .iter()
                        .map(|id| if key == "rule" { format!("`{id}`") } else { format!("*{id}*") })
                        .collect();
                    write!(description, " {}", ids.join(", ")).expect("a String can be written to");
                }
            }
            writeln!(rows, "| `{field}` | {} | {} |", self.kind(given), cell(&description))
                .expect("a String can be written to");
            self.render_fields(rows, &format!("{field}."), schema);
            self.render_fields(rows, &format!("{field}[]."), &schema["items"]);
        }
    }

    /// The type of a value with its limits: `string, at most 255 characters`.
    fn kind(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        if let Some(either) = schema["oneOf"].as_sequence() {
            let kinds: Vec<_> = either.iter().map(|schema| self.kind(schema)).filter(|kind| kind != "null").collect();
            return kinds.join(" or ");
        }
        if schema["type"] == "null" {
            return "null".to_owned();
        }
        let values: Vec<_> =
            schema["enum"].as_sequence().into_iter().flatten().filter(|value| !value.is_null()).collect();
        let mut kind = if values.is_empty() {
            let types = strings(&schema["type"]);
            let types: Vec<_> = types.into_iter().filter(|kind| kind != "null").collect();
            if types.is_empty() { "any JSON".to_owned() } else { types.join(" or ") }
        } else {
            values.iter().map(|value| format!("`{}`", text(value))).collect::<Vec<_>>().join(", ")
        };
        for (key, words) in [
            ("format", "format"),
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("maxLength", "length at most"),
            ("default", "default"),
        ] {
            if !schema[key].is_null() {
                write!(kind, ", {words} {}", text(&schema[key])).expect("a String can be written to");
            }
        }
        if schema["minLength"].as_u64() == Some(1) {
            kind.push_str(", not empty");
        }
        kind
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(path) => path.split('/').skip(1).fold(&self.0, |value, key| &value[key]),
            None => value,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => panic!("{value:?} is not a scalar"),
    }
}

/// All strings in a value, of an array or an object.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Sequence(values) => values.iter().flat_map(strings).collect(),
        Value::Mapping(values) => values.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

impl Call {
    fn curl(&self) -> String {
        let method = match (self.method, self.body) {
            ("GET", _) => String::new(),
            ("POST", body) if !body.is_empty() => String::new(),
            (method, _) => format!(" -X {method}"),
        };
        let token = if self.path.starts_with(SHOP) && !self.path.ends_with("access_tokens") {
            " -H 'X-Yotpo-Token: any'"
        } else {
            ""
        };
        let url = format!("http://127.0.0.1:{DEFAULT_PORT}{}", self.path);
        let url = if url.contains(['?', '&']) { format!("'{url}'") } else { url };
        let body = if self.body.is_empty() { String::new() } else { format!(" --json '{}'", self.body) };
        format!("curl -s{method}{token} {url}{body}")
    }

    /// Sends what curl would.
    fn send(&self, mock: &YotpoMock) -> String {
        let mut request =
            ureq::http::Request::builder().method(self.method).uri(format!("{}{}", mock.url(), self.path));
        request = request.header("User-Agent", "curl/8");
        if self.path.starts_with(SHOP) && !self.path.ends_with("access_tokens") {
            request = request.header("X-Yotpo-Token", "any");
        }
        if !self.body.is_empty() {
            request = request.header("Content-Type", "application/json").header("Accept", "application/json");
        }
        let request = request.body(self.body).expect("a request");
        let answer = agent().run(request).expect("an answer").body_mut().read_to_string().expect("UTF-8");
        answer.replace(mock.url().trim_start_matches("http://"), &format!("127.0.0.1:{DEFAULT_PORT}"))
    }
}

/// The formatted answer of a new emulator, with fixed values instead of durations and real times.
fn answer(before: &[Call], request: &Call) -> String {
    let mock = YotpoMock::start();
    for call in before {
        call.send(&mock);
    }
    let answer = request.send(&mock);
    let mut formatted = Vec::new();
    let mut from = serde_json::Deserializer::from_str(&answer);
    let mut to = serde_json::Serializer::pretty(&mut formatted);
    serde_transcode::transcode(&mut from, &mut to).expect("JSON");
    let formatted = String::from_utf8(formatted).expect("UTF-8");
    formatted.lines().map(steady).collect::<Vec<_>>().join("\n")
}

fn steady(line: &str) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let end = if value.ends_with(',') { "," } else { "" };
    match key.trim() {
        "\"uptime_ms\"" => format!("{key}: 12{end}"),
        "\"duration_us\"" => format!("{key}: 95{end}"),
        "\"taken_at\"" => format!("{key}: \"2030-01-01T00:00:00Z\"{end}"),
        _ => line.to_owned(),
    }
}
