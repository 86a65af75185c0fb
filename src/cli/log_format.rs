//! The lines of the log: aligned and coloured on a terminal, otherwise text with fields, or JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The target of the requests to the emulated API.
const REQUESTS: &str = "yotpo_mock::requests";

/// The target of the content and the settings of the start, which the banner on a terminal summarizes.
const SEEDS: &str = "yotpo_mock::seeds";

/// The target of texts that are printed without time, level and fields.
pub const TEXTS: &str = "yotpo_mock::texts";

/// The fields that list ids or names, separated by commas.
const LISTS: [&str; 4] = ["notes", "query", "rules", "stores"];

/// One JSON object a line, with typed fields.
pub struct JsonLines;

/// Lines for a person: a line a request, and other events as `other` formats them.
pub struct TerminalLines<F> {
    pub other: F,
    pub has_colors: bool,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::of(event).0;
        fields.insert("timestamp", now().to_rfc3339_opts(SecondsFormat::Micros, true).into());
        fields.insert("level", event.metadata().level().as_str().into());
        writeln!(writer, "{}", json!(fields))
    }
}

impl<S, N, F> FormatEvent<S, N> for TerminalLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match event.metadata().target() {
            REQUESTS => writeln!(writer, "{}", self.request_line(&Fields::of(event))),
            SEEDS => Ok(()),
            TEXTS => writeln!(writer, "{}", Fields::of(event).text("message")),
            _ => self.other.format_event(context, writer, event),
        }
    }
}

impl<F> TerminalLines<F> {
    /// Time, number, method, status, duration, path with the names of the query, and why the response is not an ordinary one.
    fn request_line(&self, fields: &Fields) -> String {
        let status = fields.number("status");
        let color = match status {
            200..=299 => AnsiColor::Green,
            400..=499 => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        let style = if self.has_colors { color.on_default() } else { Style::new() };
        let status = if status == 0 { "---".to_owned() } else { status.to_string() };
        let query = fields.list("query").join("&");
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let fault = fields.0.get("fault").map(|fault| format!("fault {fault}"));
        let notes = fields.list("notes");
        let notes = (!notes.is_empty()).then(|| format!("notes: {}", notes.join(", ")));
        let reason = Some(fields.text("reason")).filter(|reason| !reason.is_empty());
        let path = fields.text("path");
        // The path of every other operation has its store.
        let store = (fields.text("operation") == "createOauthToken").then(|| format!("store {}", fields.text("store")));
        let why: String = [store, fault, reason, notes].into_iter().flatten().map(|part| format!("  {part}")).collect();
        #[expect(clippy::cast_precision_loss, reason = "no request takes 200 years")]
        let milliseconds = fields.number("duration_us") as f64 / 1000.0;
        format!(
            "{} {:>5} {:<6} {style}{status}{style:#} {milliseconds:>8.1} ms  {path}{query}{why}",
            now().format("%H:%M:%S%.3fZ"),
            format!("#{}", fields.number("number")),
            fields.text("method"),
        )
    }
}

/// The real time, whatever the time of the stores is.
#[expect(clippy::disallowed_methods, reason = "the log has the real time")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// The fields of an event; lists are arrays.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Fields {
    fn of(event: &Event<'_>) -> Fields {
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    fn list(&self, name: &str) -> Vec<&str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = match field.name() {
            name if LISTS.contains(&name) => {
                value.split(',').filter(|part| !part.is_empty()).map(Value::from).collect()
            }
            _ => value.into(),
        };
        self.0.insert(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        // The library logs the settings as the text of a JSON object.
        let object = if field.name() == "settings" { serde_json::from_str(&text).ok() } else { None };
        self.0.insert(field.name(), object.unwrap_or_else(|| text.into()));
    }
}
