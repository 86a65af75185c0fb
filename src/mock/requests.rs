//! Filters and assertions for the requests in the journal.

mod assertion;
mod listing;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::customer::Customer;
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::text::join_quoted;
use crate::world::World;
use crate::world::journal::{Entry, is_hidden};
use crate::world::verification::{self, IncompleteJournal};
pub(super) use listing::list_requests;
use listing::merge;

/// The requests in the journal that match a filter. Each method narrows the filter; the journal is read when they are counted.
///
/// Objects match if they have at least the expected keys; arrays and scalars must be equal; null matches an absent value.
/// [`journal_entries`](crate::Builder::journal_entries) and [`journal_bytes`](crate::Builder::journal_bytes) limit the journal.
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
/// A failed assertion lists the nearest requests and their differences:
///
/// ```text
/// expected 1 request to store `shop` for `upsertCustomer` with `customer.email` "ann@example.com", found none; nearest requests:
///   #1 PATCH /core/v3/stores/shop/customers, answered 200
///      `body.customer.email`: expected "ann@example.com", found "bob@example.com"
/// ```
#[derive(Clone)]
#[must_use = "a filter does nothing until it is counted or asserted"]
pub struct Requests {
    world: Arc<World>,
    expected: Map<String, Value>,
    after: u64,
}

impl Requests {
    pub(super) fn new(world: &Arc<World>, store: Option<&str>) -> Requests {
        let store = store.map(|store| ("store".to_owned(), store.into()));
        Requests { world: world.clone(), expected: store.into_iter().collect(), after: 0 }
    }

    /// Requests for an operation.
    ///
    /// # Panics
    ///
    /// If the filter already has another operation.
    #[track_caller]
    pub fn operation(self, operation: Operation) -> Requests {
        let operation = operation.as_str();
        if let Some(known) = self.expected.get("operation").filter(|known| **known != operation) {
            let known = known.as_str().unwrap_or_default();
            panic!("no request can match: the filter is for `{known}` and for `{operation}`");
        }
        self.with("operation", operation)
    }

    /// Requests that create or update a customer.
    pub fn upserts(self) -> Requests {
        self.operation(Operation::UpsertCustomer)
    }

    /// Requests that send a custom event.
    pub fn events(self) -> Requests {
        self.operation(Operation::UpsertCustomerEvent)
    }

    /// Requests that read customers.
    pub fn retrievals(self) -> Requests {
        self.operation(Operation::RetrieveCustomers)
    }

    /// Requests with this e-mail address (case-sensitive) in the customer, in the customer of the event, or in the query of a
    /// retrieval.
    pub fn with_email(self, email: impl Into<String>) -> Requests {
        self.with_field("email", email.into())
    }

    /// Requests with this external id, as [`with_email`](Requests::with_email); retrievals only if they name no other id.
    pub fn with_external_id(self, id: impl Into<String>) -> Requests {
        self.with_field("external_id", id.into())
    }

    /// Requests with this phone number, as [`with_email`](Requests::with_email).
    pub fn with_phone_number(self, number: impl Into<String>) -> Requests {
        self.with_field("phone_number", number.into())
    }

    /// Requests whose customer has this value in a field. Null matches an absent field.
    ///
    /// # Panics
    ///
    /// If customers have no such field.
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
            "no request can match: customers have no field `{name}`, only {}",
            join_quoted(&Customer::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>())
        );
        self.with("customer", json!({ name: value.into() }))
    }

    /// Requests that send the event with this id.
    pub fn with_unique_id(self, id: impl Into<String>) -> Requests {
        self.with("body", json!({ "customer_event": { "unique_id": id.into() } }))
    }

    /// Requests whose body matches.
    pub fn with_body(self, body: impl Into<Value>) -> Requests {
        self.with("body", body)
    }

    /// Requests with this query parameter. The value is compared decoded.
    pub fn with_query(self, name: &str, value: impl Into<String>) -> Requests {
        self.with("query", json!({ name: value.into() }))
    }

    /// Requests with this header. The name is case-insensitive.
    ///
    /// # Panics
    ///
    /// If the journal hides the value because it is a token or a secret.
    #[track_caller]
    pub fn with_header(self, name: &str, value: impl Into<String>) -> Requests {
        let lowercase = name.to_lowercase();
        assert!(!is_hidden(&lowercase), "no request can match: the journal hides the value of the header `{name}`");
        self.with("headers", json!({ lowercase: value.into() }))
    }

    /// Requests with this path, undecoded and without the query.
    pub fn with_path(self, path: impl Into<String>) -> Requests {
        self.with("path", path.into())
    }

    /// Requests that were answered with this status, or with 0 if a fault prevented the response.
    pub fn with_status(self, status: u16) -> Requests {
        self.with("status", status)
    }

    /// Requests that a [rule](crate::rule) rejected, by the rule's id.
    pub fn rejected_by(self, rule: &str) -> Requests {
        self.with("rule", rule)
    }

    /// Requests with a note.
    pub fn with_note(self, note: Note) -> Requests {
        self.with("note", note.id())
    }

    /// Requests with a higher number than this.
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

    /// The number of requests.
    ///
    /// # Panics
    ///
    /// If no request can match, for example because the rule or the status does not exist. If the journal has evicted requests
    /// or truncated bodies, so that the number is unknown: raise [`journal_entries`](crate::Builder::journal_entries) or
    /// [`journal_body_bytes`](crate::Builder::journal_body_bytes).
    #[track_caller]
    pub fn count(&self) -> usize {
        let matching = self.matching();
        if let Err(error) = verification::check_evictions(&self.world.journal, &self.expected, self.after) {
            panic_incomplete(error);
        }
        matching.len()
    }

    /// Whether there are none. Panics as [`count`](Requests::count) does.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The requests in the order in which they were answered.
    ///
    /// # Panics
    ///
    /// If no request can match, or if a body that must be compared was truncated.
    #[track_caller]
    pub fn entries(&self) -> Vec<Entry> {
        self.matching().iter().map(|entry| Entry::clone(entry)).collect()
    }

    /// The [bodies](crate::journal::Message::body) of the requests in the order in which they were answered. They show whether a
    /// field was null or absent. Panics as [`entries`](Requests::entries) does.
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

    /// The request that was answered last. Panics as [`entries`](Requests::entries) does.
    #[track_caller]
    pub fn last(&self) -> Option<Entry> {
        self.matching().last().map(|entry| Entry::clone(entry))
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Requests {
        merge(self.expected.entry(key).or_insert(Value::Null), value.into());
        self
    }

    #[track_caller]
    fn matching(&self) -> Vec<Arc<Entry>> {
        self.check_filter();
        let entries = verification::candidates(&self.world.journal, &self.expected, self.after);
        let mut entries = entries.unwrap_or_else(|error| panic_incomplete(error));
        entries.retain(|entry| entry.differences(&self.expected).is_empty());
        entries
    }

    /// Panics if no request can match.
    #[track_caller]
    fn check_filter(&self) {
        if let Err(error) = verification::check_recorded(&self.expected) {
            panic!("no request can match: {error}");
        }
    }
}

#[track_caller]
fn panic_incomplete(error: IncompleteJournal) -> ! {
    match error {
        IncompleteJournal::Evicted(number) => {
            panic!("{error}: raise `journal_entries` and `journal_bytes`, or count only those `after` #{number}")
        }
        IncompleteJournal::TruncatedBody(_) => panic!("{error}: raise `journal_body_bytes`"),
    }
}

/// The filter in words.
impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests{}", self.description())
    }
}

/// The requests in the order in which they were answered: a line for each, followed by its body.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&list_requests(&self.matching(), usize::MAX, &self.description()))
    }
}
