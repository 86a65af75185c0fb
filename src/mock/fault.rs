//! A fault as a Rust test asks for it.

use std::fmt;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::operation::Operation;
use crate::world::World;
use crate::world::memory::Memory;

/// What happens to a request in the place of, or beside, the emulator's own answer.
///
/// A request meets at most one fault: the oldest that matches it and is not used up. Without [`times`](Fault::times) a fault
/// strikes every request that it matches, but for one that is added by [`fail_next`](crate::Store::fail_next).
///
/// ```
/// use std::time::Duration;
/// use yotpo_mock::{Fault, Operation, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));
/// store.add_fault(Fault::connection_reset().after_commit().on(Operation::UpsertCustomerEvent).times(1));
/// store.add_fault(Fault::delay(Duration::from_millis(200)).probability(0.1, 7));
/// ```
#[derive(Clone, Debug)]
#[must_use = "it strikes when it is added by `fail_next` or `add_fault`"]
pub struct Fault {
    spec: Map<String, Value>,
}

impl Fault {
    /// An answer with this status, from 200 to 599, and an error in the vendor's envelope.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::RetrieveCustomers, Fault::status(502));
    /// ```
    pub fn status(status: u16) -> Fault {
        Fault { spec: Map::new() }.with("status", status)
    }

    /// 429 that asks to wait for so many seconds, by `Retry-After`.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));
    /// ```
    pub fn too_many_requests(retry_after_seconds: u64) -> Fault {
        Fault::status(429).header("Retry-After", retry_after_seconds.to_string())
    }

    /// 503.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::UpsertCustomer, Fault::service_unavailable().times(2));
    /// ```
    pub fn service_unavailable() -> Fault {
        Fault::status(503)
    }

    /// The connection ends with a reset in the place of an answer.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());
    /// ```
    pub fn connection_reset() -> Fault {
        Fault { spec: Map::new() }.with("connection", "reset")
    }

    /// The connection ends with an end of file in the place of an answer.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::UpsertCustomer, Fault::connection_closed());
    /// ```
    pub fn connection_closed() -> Fault {
        Fault { spec: Map::new() }.with("connection", "close")
    }

    /// The answer comes late, by real time: to the millisecond, at most a day. The wait is before anything else happens, and a
    /// client that leaves meanwhile has its write all the same.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.add_fault(Fault::delay(Duration::from_millis(200)));
    /// ```
    pub fn delay(delay: Duration) -> Fault {
        Fault { spec: Map::new() }.with("delay_ms", milliseconds(delay))
    }

    /// The answer comes late by something between two durations, drawn anew for each request; the same seed draws the same.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.add_fault(Fault::delay_between(Duration::from_millis(50), Duration::from_millis(200), 1));
    /// ```
    pub fn delay_between(least: Duration, most: Duration, seed: u64) -> Fault {
        let delay = json!({ "min": milliseconds(least), "max": milliseconds(most), "seed": seed });
        Fault { spec: Map::new() }.with("delay_ms", delay)
    }

    /// The answer is cut after so many bytes of its body, and the connection with it.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::RetrieveCustomers, Fault::truncated(100));
    /// ```
    pub fn truncated(bytes: u32) -> Fault {
        Fault { spec: Map::new() }.with("truncate_bytes", bytes)
    }

    /// The answer drips.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::RetrieveCustomers, Fault::dripping(1024));
    /// ```
    pub fn dripping(bytes_per_second: u32) -> Fault {
        Fault { spec: Map::new() }.with("drip_bytes_per_second", bytes_per_second)
    }

    /// The answer's body is broken JSON.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::RetrieveCustomers, Fault::malformed_json());
    /// ```
    pub fn malformed_json() -> Fault {
        Fault { spec: Map::new() }.with("malformed_json", true)
    }

    /// The token that came is dead from now on, so that the request is refused with 401.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.fail_next(Operation::RetrieveCustomers, Fault::expired_token());
    /// ```
    pub fn expired_token() -> Fault {
        Fault { spec: Map::new() }.with("expire_token", true)
    }

    /// Answers with this body: a text as it is, anything else as JSON.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let gateway = Fault::status(502).body("<html>Bad Gateway</html>").content_type("text/html");
    /// # let _ = gateway;
    /// ```
    pub fn body(self, body: impl Into<Value>) -> Fault {
        self.with("body", body)
    }

    /// Answers with a header of its own.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let busy = Fault::status(503).header("Retry-After", "120");
    /// # let _ = busy;
    /// ```
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Fault {
        let headers = self.spec.entry("headers").or_insert_with(|| json!({}));
        headers[name] = value.into().into();
        self
    }

    /// Answers with another content type.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let page = Fault::status(200).body("<html></html>").content_type("text/html");
    /// # let _ = page;
    /// ```
    pub fn content_type(self, content_type: impl Into<String>) -> Fault {
        self.with("content_type", content_type.into())
    }

    /// Lets the request take its full effect before its answer is replaced: the write happened, and the client does not know.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let lost = Fault::connection_reset().after_commit();
    /// # let _ = lost;
    /// ```
    pub fn after_commit(self) -> Fault {
        self.with("after_commit", true)
    }

    /// Only for one operation.
    ///
    /// # Panics
    ///
    /// If it is for another one already.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, Operation};
    /// let fault = Fault::status(500).on(Operation::UpsertCustomer);
    /// # let _ = fault;
    /// ```
    #[track_caller]
    pub fn on(self, operation: Operation) -> Fault {
        let before = self.spec.get("match").and_then(|wanted| wanted["operation"].as_str());
        if let Some(before) = before.filter(|before| *before != operation.as_str()) {
            panic!(
                "the fault is for `{before}` already, and would be for `{}`",
                operation.as_str()
            );
        }
        self.matching("operation", operation.as_str())
    }

    /// Only for requests whose body has at least this.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// # use serde_json::json;
    /// let fault = Fault::status(500).on_body(json!({"customer": {"email": "ann@example.com"}}));
    /// # let _ = fault;
    /// ```
    pub fn on_body(self, body: impl Into<Value>) -> Fault {
        self.matching("body", body)
    }

    /// Only for requests with this parameter in the query, decoded.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let fault = Fault::status(500).on_query("email", "ann@example.com");
    /// # let _ = fault;
    /// ```
    pub fn on_query(self, name: &str, value: impl Into<String>) -> Fault {
        self.matching_within("query", name, value.into())
    }

    /// Only for requests with this header; its name may be in any case.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let fault = Fault::status(500).on_header("User-Agent", "my-sync/1.0");
    /// # let _ = fault;
    /// ```
    pub fn on_header(self, name: &str, value: impl Into<String>) -> Fault {
        self.matching_within("headers", name, value.into())
    }

    /// Leaves the first so many requests that match alone.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let third = Fault::status(500).after(2).times(1);
    /// # let _ = third;
    /// ```
    pub fn after(self, requests: u64) -> Fault {
        self.with("after", requests)
    }

    /// Strikes so often and is used up then; at least once.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let twice = Fault::status(503).times(2);
    /// # let _ = twice;
    /// ```
    pub fn times(self, times: u64) -> Fault {
        self.with("times", times)
    }

    /// Strikes this share of the requests that match, above 0 and at most 1; the same seed strikes the same.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let flaky = Fault::status(500).probability(0.1, 7);
    /// # let _ = flaky;
    /// ```
    pub fn probability(self, share: f64, seed: u64) -> Fault {
        self.with("probability", share).with("seed", seed)
    }

    /// Strikes once, unless told otherwise.
    pub(super) fn once(self) -> Fault {
        match self.spec.contains_key("times") {
            true => self,
            false => self.times(1),
        }
    }

    /// Only for one store.
    pub(super) fn of_store(self, store: &str) -> Fault {
        self.matching("store", store)
    }

    /// Adds it to what is remembered.
    ///
    /// # Panics
    ///
    /// If it is impossible, or there are too many.
    #[track_caller]
    pub(super) fn add_to(self, world: &Arc<World>) -> AddedFault {
        let memory = world.memory();
        match memory.faults.add(self.spec) {
            Ok(id) => AddedFault {
                world: world.clone(),
                memory: Arc::downgrade(&memory),
                id,
            },
            Err(error) => panic!("the fault is not added: {error}"),
        }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Fault {
        self.spec.insert(key.to_owned(), value.into());
        self
    }

    fn matching(mut self, key: &str, value: impl Into<Value>) -> Fault {
        self.spec.entry("match").or_insert_with(|| json!({}))[key] = value.into();
        self
    }

    fn matching_within(mut self, key: &str, name: &str, value: String) -> Fault {
        self.spec.entry("match").or_insert_with(|| json!({}))[key][name] = value.into();
        self
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A fault that was added, and what became of it. A reset, or another state that is put back, removes it.
///
/// ```
/// use yotpo_mock::{Fault, Operation, YotpoMock};
///
/// let store = YotpoMock::shared().new_store();
/// let fault = store.add_fault(Fault::status(503).on(Operation::UpsertCustomer));
/// assert_eq!(fault.hits(), 0);
/// fault.remove();
/// ```
#[derive(Clone)]
pub struct AddedFault {
    world: Arc<World>,
    /// Ids begin anew in each memory.
    memory: Weak<Memory>,
    id: u64,
}

/// As [`to_json`](AddedFault::to_json) tells it.
impl fmt::Debug for AddedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl AddedFault {
    /// Its number, as the header `X-Yotpo-Mock-Fault` of an answer and [`Entry::fault`](crate::journal::Entry::fault) tell it.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// assert_eq!(yotpo.add_fault(Fault::status(503)).id(), 1);
    /// ```
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many requests it struck; 0 once it is removed.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// assert_eq!(yotpo.add_fault(Fault::status(503)).hits(), 0);
    /// ```
    pub fn hits(&self) -> u64 {
        self.to_json()["hits"].as_u64().unwrap_or(0)
    }

    /// How many requests matched it, those included that it left alone; 0 once it is removed.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// assert_eq!(yotpo.add_fault(Fault::status(503)).matched(), 0);
    /// ```
    pub fn matched(&self) -> u64 {
        self.to_json()["matched"].as_u64().unwrap_or(0)
    }

    /// Whether it will strike no more: used up, or removed.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// let fault = yotpo.add_fault(Fault::status(503).times(1));
    /// assert!(!fault.is_over());
    /// yotpo.reset();
    /// assert!(fault.is_over());
    /// ```
    pub fn is_over(&self) -> bool {
        self.to_json()["used_up"] != json!(false)
    }

    /// Removes it.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// yotpo.add_fault(Fault::status(503)).remove();
    /// ```
    pub fn remove(self) {
        if let Some(memory) = self.memory() {
            memory.faults.remove(self.id);
        }
    }

    /// What it is and what became of it, as `GET /_mock/faults` tells it; null once it is removed.
    ///
    /// ```
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let yotpo = YotpoMock::start();
    /// assert_eq!(yotpo.add_fault(Fault::status(503)).to_json()["status"], 503);
    /// ```
    pub fn to_json(&self) -> Value {
        let fault = self.memory().and_then(|memory| memory.faults.get(self.id));
        fault.unwrap_or_default()
    }

    /// All of them, or those that are for one store only.
    pub(super) fn all(world: &Arc<World>, store: Option<&str>) -> Vec<AddedFault> {
        let memory = world.memory();
        let ids = memory.faults.ids(store).into_iter();
        let all = ids.map(|id| AddedFault {
            world: world.clone(),
            memory: Arc::downgrade(&memory),
            id,
        });
        all.collect()
    }

    /// What it was added to, if that is still what is remembered.
    fn memory(&self) -> Option<Arc<Memory>> {
        let memory = self.world.memory();
        ptr::eq(self.memory.as_ptr(), Arc::as_ptr(&memory)).then_some(memory)
    }
}
