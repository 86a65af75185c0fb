//! What an integration asked for: the journal, narrowed and counted.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::customer::Customer;
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::world::World;
use crate::world::journal::{Entry, is_hidden};
use crate::world::matching::Difference;
use crate::world::text::{join_quoted, pluralize, truncate};
use crate::world::verification::{self, InvalidExpectation, Times, VerificationFailure};

/// The requests that are in the journal when they are counted, narrowed step by step. Each step narrows further.
///
/// One rule of matching holds everywhere: objects match by subset, arrays and scalars exactly, and null means absent. The
/// journal is bounded by [entries](crate::Builder::journal_entries) and [bytes](crate::Builder::journal_bytes).
///
/// ```
/// use yotpo_mock::{Operation, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// // …your integration runs, and then:
/// store.requests().upserts().with_email("ann@example.com").assert_none();
/// store.requests().operation(Operation::RetrieveCustomers).with_status(200).assert_at_most(3);
/// ```
///
/// An assertion that fails says what was expected, what came, and how the nearest requests differ:
///
/// ```text
/// expected 1 request to store `shop` for `upsertCustomer` with `customer.email` "ann@example.com", and none came; the nearest others:
///   #1 PATCH /core/v3/stores/shop/customers, answered 200
///      `body.customer.email`: expected "ann@example.com", found "bob@example.com"
/// ```
#[derive(Clone)]
#[must_use = "it is counted by `count`, `entries`, `bodies` or an assertion"]
pub struct Requests {
    world: Arc<World>,
    expected: Map<String, Value>,
    after: u64,
}

impl Requests {
    pub(super) fn of(world: &Arc<World>, store: Option<&str>) -> Requests {
        Requests {
            world: world.clone(),
            expected: store
                .map(|store| ("store".to_owned(), store.into()))
                .into_iter()
                .collect(),
            after: 0,
        }
    }

    /// Those for one operation.
    ///
    /// # Panics
    ///
    /// If they are narrowed to another one already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::Operation;
    ///
    /// assert_eq!(yotpo.requests().operation(Operation::CreateAccessToken).count(), 0);
    /// ```
    #[track_caller]
    pub fn operation(self, operation: Operation) -> Requests {
        let before = self.expected.get("operation").and_then(Value::as_str);
        if let Some(before) = before.filter(|before| *before != operation.as_str()) {
            panic!(
                "no request can be so: it is for `{before}` already, and would be for `{}`",
                operation.as_str()
            );
        }
        self.with("operation", operation.as_str())
    }

    /// Those that create or update a customer.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().upserts().assert_none();
    /// ```
    pub fn upserts(self) -> Requests {
        self.operation(Operation::UpsertCustomer)
    }

    /// Those that send a custom event.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().events().assert_none();
    /// ```
    pub fn events(self) -> Requests {
        self.operation(Operation::UpsertCustomerEvent)
    }

    /// Those that read customers.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().retrievals().assert_none();
    /// ```
    pub fn retrievals(self) -> Requests {
        self.operation(Operation::RetrieveCustomers)
    }

    /// Those that name a customer by this e-mail address, exactly as it was spelled: in the customer that is written, in that
    /// of an event, or in the filter of a retrieval.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().events().with_email("ann@example.com").assert_none();
    /// ```
    pub fn with_email(self, email: impl Into<String>) -> Requests {
        self.with_field("email", email.into())
    }

    /// Those that name a customer by this external id; of a retrieval, those that ask for this one alone.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().upserts().with_external_id("c-1").assert_none();
    /// ```
    pub fn with_external_id(self, id: impl Into<String>) -> Requests {
        self.with_field("external_id", id.into())
    }

    /// Those that name a customer by this phone number.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().retrievals().with_phone_number("+14155552671").assert_none();
    /// ```
    pub fn with_phone_number(self, number: impl Into<String>) -> Requests {
        self.with_field("phone_number", number.into())
    }

    /// Those whose customer has this field with this value, null being absent.
    ///
    /// # Panics
    ///
    /// If a customer has no such field.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # use serde_json::json;
    /// yotpo.requests().upserts().with_field("address", json!({"city": "Austin"})).assert_none();
    /// ```
    #[track_caller]
    pub fn with_field(self, name: &str, value: impl Into<Value>) -> Requests {
        assert!(
            Customer::field(name).is_some(),
            "no request can be so: `{name}` is not a field of a customer: there are {}",
            join_quoted(&Customer::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>())
        );
        self.with("customer", json!({ name: value.into() }))
    }

    /// Those that send the event with this id.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().events().with_unique_id("r-1").assert_none();
    /// ```
    pub fn with_unique_id(self, id: impl Into<String>) -> Requests {
        self.with("body", json!({ "customer_event": { "unique_id": id.into() } }))
    }

    /// Those whose body has at least this.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # use serde_json::json;
    /// yotpo.requests().with_body(json!({"customer_event": {"type": "item_returned"}})).assert_none();
    /// ```
    pub fn with_body(self, body: impl Into<Value>) -> Requests {
        self.with("body", body)
    }

    /// Those with this parameter in the query, decoded.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().retrievals().with_query("limit", "100").assert_none();
    /// ```
    pub fn with_query(self, name: &str, value: impl Into<String>) -> Requests {
        self.with("query", json!({ name: value.into() }))
    }

    /// Those with this header; its name may be in any case.
    ///
    /// # Panics
    ///
    /// If its value is not kept, since it is a token or a secret.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().with_header("Content-Type", "application/json").assert_none();
    /// ```
    #[track_caller]
    pub fn with_header(self, name: &str, value: impl Into<String>) -> Requests {
        assert!(
            !is_hidden(&name.to_lowercase()),
            "no request can be so: the journal keeps no value of the header `{name}`"
        );
        self.with("headers", json!({ name.to_lowercase(): value.into() }))
    }

    /// Those with this path as it was sent, without the query.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().with_path("/core/v3/stores/shop/orders").assert_none();
    /// ```
    pub fn with_path(self, path: impl Into<String>) -> Requests {
        self.with("path", path.into())
    }

    /// Those that were answered with this status, from 100 to 599; 0 stands for those that a fault left without an answer.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().with_status(429).assert_none();
    /// ```
    pub fn with_status(self, status: u16) -> Requests {
        self.with("status", status)
    }

    /// Those that a [rule](crate::rule) refused, by its id.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().refused_by("customer.gender.enum").assert_none();
    /// ```
    pub fn refused_by(self, rule: &str) -> Requests {
        self.with("rule", rule)
    }

    /// Those that leaned on something that is not sure to be there.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::note::Note;
    ///
    /// yotpo.requests().with_note(Note::EventsEndpoint).assert_none();
    /// ```
    pub fn with_note(self, note: Note) -> Requests {
        self.with("note", note.id())
    }

    /// Those that came after the one with this number.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let before = yotpo.requests().last().map_or(0, |entry| entry.number);
    /// // …
    /// yotpo.requests().after(before).assert_none();
    /// ```
    pub fn after(mut self, number: u64) -> Requests {
        self.after = self.after.max(number);
        self
    }

    /// How many there are.
    ///
    /// # Panics
    ///
    /// If no request can be so, for example because there is no such rule or status; or if nobody can tell, since requests had to
    /// go from the journal, or bodies are kept in part: [`Builder::journal_entries`](crate::Builder::journal_entries) and
    /// [`journal_body_bytes`](crate::Builder::journal_body_bytes) raise the bounds.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.requests().count(), 0);
    /// ```
    #[track_caller]
    pub fn count(&self) -> usize {
        self.check_kept();
        self.matching().len()
    }

    /// Whether there are none.
    ///
    /// # Panics
    ///
    /// As [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.requests().is_empty());
    /// ```
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// All of them, in the order in which they were answered.
    ///
    /// # Panics
    ///
    /// As [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().upserts().entries() {
    ///     println!("{} {}", entry.status, entry.request.body());
    /// }
    /// ```
    #[track_caller]
    pub fn entries(&self) -> Vec<Entry> {
        self.matching().iter().map(|entry| Entry::clone(entry)).collect()
    }

    /// What they sent, in the order in which they were answered: nothing else shows what was null and what was left out.
    ///
    /// JSON as it is, anything else as a text, and null where there is none or where it was not read; see
    /// [`Message::body`](crate::journal::Message::body).
    ///
    /// # Panics
    ///
    /// As [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// use serde_json::json;
    ///
    /// # let ann = json!({"customer": {"external_id": "c-1", "tags": "vip"}});
    /// # let upsert = ureq::patch(format!("{}/customers", store.api_url())).header("X-Yotpo-Token", store.access_token());
    /// # upsert.send_json(ann).unwrap();
    /// // …your integration runs, and then:
    /// let sent = store.requests().upserts().bodies();
    /// assert_eq!(sent, [json!({"customer": {"external_id": "c-1", "tags": "vip"}})]);
    /// ```
    #[track_caller]
    pub fn bodies(&self) -> Vec<Value> {
        self.matching().iter().map(|entry| entry.request.body()).collect()
    }

    /// The one that was answered last.
    ///
    /// # Panics
    ///
    /// As [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.requests().last().is_none());
    /// ```
    #[track_caller]
    pub fn last(&self) -> Option<Entry> {
        self.matching().last().map(|entry| Entry::clone(entry))
    }

    /// Asserts that there are so many.
    ///
    /// # Panics
    ///
    /// If there are not, and as [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().assert_count(0);
    /// ```
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        self.assert(Times::Exactly(count as u64));
    }

    /// Asserts that there are none.
    ///
    /// # Panics
    ///
    /// If there are some, and as [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().with_status(500).assert_none();
    /// ```
    #[track_caller]
    pub fn assert_none(&self) {
        self.assert(Times::Exactly(0));
    }

    /// Asserts that there are so many, or more.
    ///
    /// # Panics
    ///
    /// If there are not, and as [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().assert_at_least(0);
    /// ```
    #[track_caller]
    pub fn assert_at_least(&self, count: usize) {
        self.assert(Times::AtLeast(count as u64));
    }

    /// Asserts that there are no more than so many.
    ///
    /// # Panics
    ///
    /// If there are more, and as [`count`](Requests::count) does.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().retrievals().assert_at_most(3);
    /// ```
    #[track_caller]
    pub fn assert_at_most(&self, count: usize) {
        self.assert(Times::Between(0, count as u64));
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Requests {
        add(self.expected.entry(key).or_insert(Value::Null), value.into());
        self
    }

    /// What is in the journal, as far as it is looked at. Refuses what no request can be, and what nobody can tell.
    #[track_caller]
    fn match_inputs(&self) -> Vec<Arc<Entry>> {
        if let Err(InvalidExpectation { name, value, hint }) = verification::check(&self.expected) {
            panic!("no request can be so: `{name}` is `{value}`; {hint}");
        }
        let mut entries = self.world.journal.entries();
        entries.retain(|entry| entry.number > self.after);
        self.check_whole(&entries);
        entries
    }

    /// Refuses to count what is not all there.
    #[track_caller]
    fn check_kept(&self) {
        let store = self.expected.get("store").and_then(Value::as_str);
        let forgotten = self.world.journal.last_evicted(store);
        assert!(
            forgotten <= self.after,
            "the journal has forgotten requests up to #{forgotten}, so that nobody can tell how many there were: raise \
             `journal_entries` and `journal_bytes`, or look only `after` that one"
        );
    }

    /// Refuses to compare bodies that are kept in part.
    #[track_caller]
    fn check_whole(&self, entries: &[Arc<Entry>]) {
        let mut others = self.expected.clone();
        let asks_for_bodies = others.remove("body").is_some() | others.remove("customer").is_some();
        let is_unknown = |entry: &&Arc<Entry>| entry.request.body_is_cut() && entry.differences(&others).is_empty();
        if let Some(entry) = entries.iter().find(is_unknown).filter(|_| asks_for_bodies) {
            let number = entry.number;
            panic!(
                "the body of #{number} is kept in part, so that nobody can tell what is in it: raise `journal_body_bytes`"
            );
        }
    }

    #[track_caller]
    fn matching(&self) -> Vec<Arc<Entry>> {
        let mut entries = self.match_inputs();
        entries.retain(|entry| entry.differences(&self.expected).is_empty());
        entries
    }

    #[track_caller]
    fn assert(&self, times: Times) {
        let entries = self.match_inputs();
        let verified = verification::verify(&entries, &self.expected, times);
        // Of enough that are there it does not matter how many are not.
        if !matches!((&verified, times), (Ok(_), Times::AtLeast(_))) {
            self.check_kept();
        }
        if let Err(failure) = verified {
            panic!("{}", self.told(times, &failure));
        }
    }

    /// What was expected, what came, and how the nearest differ.
    fn told(&self, times: Times, failure: &VerificationFailure) -> String {
        let came = match failure.matched {
            0 => "none came".to_owned(),
            matched => format!("{matched} came"),
        };
        let mut told = format!("expected {times}{}, and {came}", self.described());
        let differs = failure.nearest.iter().any(|(_, differences)| !differences.is_empty());
        told.push_str(match failure.nearest.is_empty() {
            true if failure.matched == 0 => "; nor did any other",
            true => "",
            false if differs => "; the nearest others:",
            false => ":",
        });
        for (entry, differences) in &failure.nearest {
            told.push_str("\n  ");
            told.push_str(&line(entry));
            for Difference { path, expected, found } in differences {
                told.push_str("\n     ");
                told.push_str(&match (expected.is_null(), found.is_null()) {
                    (true, _) => format!("`{path}`: expected nothing, found {}", truncate(found)),
                    (_, true) => format!("`{path}`: expected {}, found nothing", truncate(expected)),
                    _ => format!("`{path}`: expected {}, found {}", truncate(expected), truncate(found)),
                });
            }
        }
        told
    }

    /// What the requests are narrowed to, as it follows a number of requests.
    fn described(&self) -> String {
        let mut words = String::new();
        for (key, before) in [("store", " to store"), ("operation", " for")] {
            if let Some(text) = self.expected.get(key).and_then(Value::as_str) {
                words.push_str(&format!("{before} `{text}`"));
            }
        }
        let mut others = Vec::new();
        for (key, value) in &self.expected {
            if key != "store" && key != "operation" {
                describe(key, value, &mut others);
            }
        }
        if !others.is_empty() {
            words.push_str(&format!(" with {}", others.join(" and ")));
        }
        if self.after > 0 {
            words.push_str(&format!(" after #{}", self.after));
        }
        words
    }
}

/// What they are narrowed to.
impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests{}", self.described())
    }
}

/// All of them in the order in which they were answered: a line each, and what was sent below it.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(&self.matching(), usize::MAX, &self.described()))
    }
}

/// The last of some requests, for somebody who looks for what went wrong.
pub(super) fn told(entries: &[Arc<Entry>], most: usize, of: &str) -> String {
    let skipped = entries.len().saturating_sub(most);
    let number = match skipped {
        0 => pluralize(entries.len() as u64, "request"),
        _ => format!("the last {most} of {}", pluralize(entries.len() as u64, "request")),
    };
    let mut told = format!("{number}{of}:");
    for entry in &entries[skipped..] {
        told.push_str("\n  ");
        told.push_str(&line(entry));
        let body = entry.request.body();
        if !body.is_null() {
            told.push_str("\n     ");
            told.push_str(&cut(body.to_string()));
        }
    }
    told
}

/// How much of a body is printed.
const MOST_CHARS: usize = 400;

fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A request in a line: `#2 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum`.
fn line(entry: &Entry) -> String {
    let Entry { number, status, .. } = entry;
    let (method, path) = (entry.method(), entry.path());
    let query = match entry.query() {
        Value::Object(query) if !query.is_empty() => format!(" {}", Value::Object(query)),
        _ => String::new(),
    };
    let answered = match status {
        0 => "left without an answer".to_owned(),
        status => format!("answered {status}"),
    };
    let mut line = format!("#{number} {method} {path}{query}, {answered}");
    if let Some(fault) = entry.fault {
        line.push_str(&format!(" by fault {fault}"));
    }
    let rules: Vec<_> = entry.rules.iter().map(|rule| rule.id).collect();
    if !rules.is_empty() {
        line.push_str(&format!(" by {}", rules.join(", ")));
    }
    line
}

/// Adds to what is expected already: an object gains keys, everything else is replaced.
fn add(into: &mut Value, value: Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(values)) => {
            for (key, value) in values {
                add(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

/// Every value of an object with its dotted path.
fn describe(path: &str, value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(values) if !values.is_empty() => {
            for (key, value) in values {
                describe(&format!("{path}.{key}"), value, words);
            }
        }
        Value::Null => words.push(format!("`{path}` absent")),
        value => words.push(format!("`{path}` {}", truncate(value))),
    }
}
