//! `clients.md`: each operation of the control API with the methods of the three clients. The tests of the other two packages check
//! their parts of it against the methods that exist.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::{check_page, root};
use crate::tidy::rust_files;

/// The methods of the library for each operation, and the type of those that only one type has.
#[rustfmt::skip]
const RUST: &[(&str, &str)] = &[
    ("GET /_mock/health", ""),
    ("GET /_mock/openapi.json", ""),
    ("GET /_mock/control.openapi.json", ""),
    ("GET /_mock/ca.pem", "YotpoMock::ca_pem"),
    ("POST /_mock/reset", "reset, reset_to_empty"),
    ("GET /_mock/faults", "faults"),
    ("POST /_mock/faults", "add_fault, fail_next"),
    ("DELETE /_mock/faults", "clear_faults"),
    ("GET /_mock/faults/{fault_id}", "AddedFault::hits, AddedFault::matched, AddedFault::is_over, AddedFault::to_json"),
    ("DELETE /_mock/faults/{fault_id}", "AddedFault::remove"),
    ("POST /_mock/settle", "settle"),
    ("GET /_mock/clock", "now"),
    ("PUT /_mock/clock", "set_time, YotpoMock::freeze, YotpoMock::unfreeze"),
    ("POST /_mock/clock/advance", "advance"),
    ("GET /_mock/settings", "settings"),
    ("PATCH /_mock/settings", "set, clear_settings"),
    ("GET /_mock/requests", "requests"),
    ("DELETE /_mock/requests", "clear_requests"),
    ("POST /_mock/requests/verify", "Requests::assert_count, Requests::assert_none, Requests::assert_at_least, Requests::assert_at_most"),
    ("GET /_mock/requests/{number}", "Requests::entries"),
    ("GET /_mock/report", "report"),
    ("DELETE /_mock/report", "clear_report"),
    ("GET /_mock/state", "Snapshot::to_json"),
    ("PUT /_mock/state", "restore_json"),
    ("POST /_mock/state/save", "YotpoMock::save_state"),
    ("POST /_mock/seed", "YotpoMock::seed, YotpoMock::new_store, Store::seed, Store::seed_events"),
    ("GET /_mock/snapshots", ""),
    ("GET /_mock/snapshots/{name}", ""),
    ("PUT /_mock/snapshots/{name}", "snapshot"),
    ("DELETE /_mock/snapshots/{name}", ""),
    ("POST /_mock/snapshots/{name}/restore", "restore"),
    ("GET /_mock/stores", "YotpoMock::store_ids"),
    ("GET /_mock/stores/{store_id}/customers", "Store::customers, Store::customer, Store::customer_by_email, Store::customer_by_phone_number, Store::pending_writes"),
    ("GET /_mock/stores/{store_id}/customers/{number}/lineage", "Store::lineage"),
    ("POST /_mock/stores/{store_id}/explain", "Store::explain"),
    ("GET /_mock/stores/{store_id}/events", "Store::events, Store::event, Store::pending_writes"),
    ("POST /_mock/stores/{store_id}/generate", "Store::generate"),
];

#[test]
fn the_table_of_the_clients_is_up_to_date() {
    let operations = operations();
    let rust: Vec<_> = RUST.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    assert_eq!(rust, operations, "the operations of the control API, in their order");
    for (_, methods) in RUST {
        methods.split(", ").filter(|method| !method.is_empty()).for_each(check_rust_method);
    }
    if !root().join("packages").exists() {
        // The published crate does not contain the packages.
        return;
    }
    let [python, javascript] = ["python", "npm"].map(methods_of_package);
    let mut page = String::from(
        "# The clients, method by method\n\n\
         What each request of the [control API](control-api.md) is in Rust, Python and JavaScript. In Rust, methods without a type are\n\
         those of `YotpoMock` and `Store`; a cell is empty where a value in the same process needs no such request.\n\n\
         *Generated from the code.*\n\n\
         | request | Rust | Python | JavaScript |\n|---|---|---|---|\n",
    );
    for (operation, methods) in RUST {
        let methods: Vec<_> = methods.split(", ").filter(|method| !method.is_empty()).collect();
        let rust: Vec<_> = methods.iter().map(|method| format!("`{method}`")).collect();
        let (rust, python, javascript) = (rust.join(", "), &python[*operation], &javascript[*operation]);
        writeln!(page, "| `{operation}` | {rust} | {python} | {javascript} |").expect("a String can be written to");
    }
    check_page("clients.md", &page);
}

/// The operations of `openapi/control.yaml`, in its order.
fn operations() -> Vec<String> {
    let document = fs::read_to_string(root().join("openapi/control.yaml")).expect("the document");
    let document: serde_yaml_ng::Value = serde_yaml_ng::from_str(&document).expect("YAML");
    let paths = document["paths"].as_mapping().expect("paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_mapping().expect("methods").keys().filter_map(|method| method.as_str());
        let methods = methods.filter(|method| *method != "parameters");
        methods.map(|method| format!("{} {}", method.to_uppercase(), path.as_str().expect("a path")))
    });
    operations.collect()
}

/// The methods in the README of a package, as its table has them.
fn methods_of_package(package: &str) -> BTreeMap<String, String> {
    let readme = root().join("packages").join(package).join("README.md");
    let readme = fs::read_to_string(readme).expect("the README");
    let table = readme.split_once("<!-- control API -->").expect("a table").1;
    let table = table.split_once("<!-- end of control API -->").expect("an end").0;
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.strip_suffix("` |")?.rsplit_once(" | `"));
    rows.map(|(methods, operation)| (operation.to_owned(), format!("`{methods}"))).collect()
}

fn check_rust_method(method: &str) {
    let name = method.rsplit("::").next().expect("a name");
    let definition = format!("pub fn {name}(");
    let mut files = vec![root().join("src/mock.rs")];
    rust_files(&root().join("src/mock"), &mut files);
    let is_there = files.iter().any(|file| fs::read_to_string(file).expect("UTF-8").contains(&definition));
    assert!(is_there, "`{method}` does not exist");
}
