//! `yotpo-mock schema`: the JSON Schemas of the documents that the emulator reads and writes, taken from the OpenAPI files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::error::CliError;

const CONTROL: &str = include_str!("../../openapi/control.json");
const CUSTOMERS: &str = include_str!("../../openapi/customers.json");

const COMPONENTS: &str = "#/components/schemas/";

const AFTER_HELP: &str = "\
Example: an editor checks a seed whose first key is \"$schema\": \"./seed.schema.json\", after
  yotpo-mock schema seed >seed.schema.json";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct SchemaOptions {
    /// Which document.
    #[arg(value_name = "DOCUMENT")]
    document: DocumentKind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DocumentKind {
    /// A seed: the file of `--seed`, and the body of `POST /_mock/seed`.
    Seed,
    /// A state: the file of `--state`, and the answer of `GET /_mock/state`.
    State,
    /// An entry of the request journal: a line of `--journal-file`.
    Journal,
    /// A report: the file of `exec --report`, and the answer of `GET /_mock/report`.
    Report,
}

impl DocumentKind {
    /// The name of its schema in the OpenAPI file of the control API.
    fn component(self) -> &'static str {
        match self {
            DocumentKind::Seed => "Seed",
            DocumentKind::State => "State",
            DocumentKind::Journal => "Entry",
            DocumentKind::Report => "Report",
        }
    }
}

pub fn run(options: &SchemaOptions) -> Result<(), CliError> {
    let text = format!("{:#}\n", schema(options.document));
    io::stdout().write_all(text.as_bytes()).map_err(CliError::Print)
}

fn schema(document: DocumentKind) -> Value {
    let mut components = Components(components(CONTROL));
    components.describe_content();
    let mut schema = components.0[document.component()].clone();
    let names = components.reachable_from(&schema);
    let definitions: Map<_, _> =
        names.into_iter().map(|name| (name.clone(), local_references(components.0[&name].clone()))).collect();
    schema = local_references(schema);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    if !definitions.is_empty() {
        schema["$defs"] = definitions.into();
    }
    schema
}

/// The schemas of an OpenAPI file, by name.
struct Components(BTreeMap<String, Value>);

impl Components {
    /// In a seed and a state, customers and events are any objects for the control API, which passes them on. Their schemas are those
    /// of the emulated API; a customer may leave out any field.
    fn describe_content(&mut self) {
        for (name, mut schema) in components(CUSTOMERS) {
            if name != "CustomerEvent" {
                remove_required(&mut schema);
            }
            self.0.entry(name).or_insert(schema);
        }
        let reference = |name: &str| json!({ "$ref": format!("{COMPONENTS}{name}") });
        let (customer, event) = (reference("Customer"), reference("CustomerEvent"));
        let seed = self.0.get_mut("Seed").expect("the control API has seeds");
        let store = &mut seed["properties"]["stores"]["items"]["properties"];
        store["customers"]["items"] = customer.clone();
        store["events"]["items"] = event.clone();
        seed["properties"]["customer"] = json!({ "anyOf": [customer, { "type": "null" }] });
        seed["properties"]["event"] = json!({ "anyOf": [event, { "type": "null" }] });
    }

    /// The names of all schemas that a schema refers to, also through others.
    fn reachable_from(&self, schema: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = references(schema);
        while let Some(name) = open.pop() {
            if found.insert(name.clone()) {
                open.extend(references(&self.0[&name]));
            }
        }
        found
    }
}

fn components(openapi: &str) -> BTreeMap<String, Value> {
    let mut openapi: Value = serde_json::from_str(openapi).expect("a test keeps it valid");
    let schemas = openapi["components"]["schemas"].take();
    serde_json::from_value(schemas).expect("components are an object")
}

fn remove_required(schema: &mut Value) {
    visit_objects(schema, &mut |object| {
        if object.get("required").is_some_and(Value::is_array) {
            object.remove("required");
        }
    });
}

fn local_references(mut schema: Value) -> Value {
    visit_objects(&mut schema, &mut |object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref") {
            *reference = reference.replace(COMPONENTS, "#/$defs/");
        }
        // Not of JSON Schema: the rules and the evidence of the emulated API.
        object.retain(|key, _| !key.starts_with("x-"));
    });
    schema
}

fn references(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    visit_objects(&mut schema.clone(), &mut |object| {
        let reference = object.get("$ref").and_then(Value::as_str);
        names.extend(reference.and_then(|reference| reference.strip_prefix(COMPONENTS)).map(str::to_owned));
    });
    names
}

fn visit_objects(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values_mut().for_each(|value| visit_objects(value, visit));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| visit_objects(value, visit)),
        _ => {}
    }
}
