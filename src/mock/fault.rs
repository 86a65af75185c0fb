//! Injected faults, for Rust tests.

use std::fmt;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use super::print_warnings;
use crate::domain::operation::Operation;
use crate::world::World;
use crate::world::fault::{Criteria, Delay, DelayRange, Disconnect, FaultDefinition, InvalidFault};
use crate::world::match_warnings::match_warnings;
use crate::world::memory::Memory;

/// A fault: the requests that it applies to, and its effect on them.
///
/// At most one fault applies to a request: the oldest that matches it and is not used up. Without [`times`](Fault::times) a fault
/// applies to every request that it matches; one added by [`fail_next`](crate::Store::fail_next) applies once.
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
#[must_use = "a fault has no effect until it is added by `fail_next` or `add_fault`"]
pub struct Fault {
    definition: FaultDefinition,
}

impl From<FaultDefinition> for Fault {
    fn from(definition: FaultDefinition) -> Fault {
        Fault { definition }
    }
}

impl Fault {
    /// A response with this status, from 200 to 599, and an error in Yotpo's envelope.
    pub fn status(status: u16) -> Fault {
        Fault::from(FaultDefinition { status: Some(status), ..Default::default() })
    }

    /// 429 with the header `Retry-After`.
    pub fn too_many_requests(retry_after_seconds: u64) -> Fault {
        Fault::status(429).header("Retry-After", retry_after_seconds.to_string())
    }

    /// 503.
    pub fn service_unavailable() -> Fault {
        Fault::status(503)
    }

    /// The connection is reset instead of a response.
    pub fn connection_reset() -> Fault {
        Fault::disconnect(Disconnect::Reset)
    }

    /// The connection is closed instead of a response.
    pub fn connection_closed() -> Fault {
        Fault::disconnect(Disconnect::Close)
    }

    fn disconnect(disconnect: Disconnect) -> Fault {
        Fault::from(FaultDefinition { connection: Some(disconnect), ..Default::default() })
    }

    /// The request is delayed by real time: to the millisecond, at most a day. The delay is before anything else happens, or
    /// with [`after_commit`](Fault::after_commit) before the response. The request is handled even if the client disconnects.
    pub fn delay(delay: Duration) -> Fault {
        Fault::from(FaultDefinition { delay_ms: Some(Delay::Fixed(milliseconds(delay))), ..Default::default() })
    }

    /// The request is delayed by a random time between two durations; the same seed gives the same delays.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use yotpo_mock::{Fault, YotpoMock};
    /// # let store = YotpoMock::shared().new_store();
    /// store.add_fault(Fault::delay_between(Duration::from_millis(50), Duration::from_millis(200), 1));
    /// ```
    pub fn delay_between(min: Duration, max: Duration, seed: u64) -> Fault {
        let range = DelayRange { min: Some(milliseconds(min)), max: Some(milliseconds(max)), seed: Some(seed) };
        Fault::from(FaultDefinition { delay_ms: Some(Delay::Between(range)), ..Default::default() })
    }

    /// The response is truncated after this number of bytes of its body, and the connection is closed.
    pub fn truncated(bytes: u32) -> Fault {
        Fault::from(FaultDefinition { truncate_bytes: Some(bytes as usize), ..Default::default() })
    }

    /// The body of the response is sent slowly.
    pub fn dripping(bytes_per_second: u32) -> Fault {
        Fault::from(FaultDefinition { drip_bytes_per_second: Some(bytes_per_second), ..Default::default() })
    }

    /// The body of the response is incomplete JSON.
    pub fn malformed_json() -> Fault {
        Fault::from(FaultDefinition { malformed_json: Some(true), ..Default::default() })
    }

    /// The token of the request expires, so that the response is 401.
    pub fn expired_token() -> Fault {
        Fault::from(FaultDefinition { expire_token: Some(true), ..Default::default() })
    }

    /// The response has this body: a string as it is, every other value as JSON.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let gateway = Fault::status(502).body("<html>Bad Gateway</html>").content_type("text/html");
    /// # let _ = gateway;
    /// ```
    pub fn body(mut self, body: impl Into<Value>) -> Fault {
        self.definition.body = Some(body.into());
        self
    }

    /// The response has this header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Fault {
        let headers = self.definition.headers.get_or_insert_default();
        headers.insert(name.to_owned(), value.into().into());
        self
    }

    /// The response has this content type.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Fault {
        self.definition.content_type = Some(content_type.into());
        self
    }

    /// The request is handled before the fault applies: the write is done, but the client does not know, or knows late.
    pub fn after_commit(mut self) -> Fault {
        self.definition.after_commit = Some(true);
        self
    }

    /// Applies to this operation only.
    ///
    /// # Panics
    ///
    /// If the fault is for another operation already.
    #[track_caller]
    pub fn on(mut self, operation: Operation) -> Fault {
        let name = operation.as_str();
        let before = self.criteria().operation.replace(name.to_owned());
        if let Some(before) = before.filter(|before| before != name) {
            panic!("the fault is for `{before}` already, and would be for `{name}`");
        }
        self
    }

    /// Applies only to requests whose body contains this: objects may have further keys.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// # use serde_json::json;
    /// let fault = Fault::status(500).on_body(json!({"customer": {"email": "ann@example.com"}}));
    /// # let _ = fault;
    /// ```
    pub fn on_body(mut self, body: impl Into<Value>) -> Fault {
        self.criteria().body = Some(body.into());
        self
    }

    /// Applies only to requests with this query parameter, decoded.
    pub fn on_query(mut self, name: &str, value: impl Into<String>) -> Fault {
        let query = &mut self.criteria().query;
        query.get_or_insert_with(|| json!({}))[name] = value.into().into();
        self
    }

    /// Applies only to requests with this header. The case of the name does not matter.
    pub fn on_header(mut self, name: &str, value: impl Into<String>) -> Fault {
        let headers = &mut self.criteria().headers;
        headers.get_or_insert_with(|| json!({}))[name] = value.into().into();
        self
    }

    /// Leaves the first matching requests alone.
    ///
    /// ```
    /// # use yotpo_mock::Fault;
    /// let third = Fault::status(500).after(2).times(1);
    /// # let _ = third;
    /// ```
    pub fn after(mut self, requests: u64) -> Fault {
        self.definition.after = Some(requests);
        self
    }

    /// Applies to this number of requests, at least 1; then it is used up.
    pub fn times(mut self, times: u64) -> Fault {
        self.definition.times = Some(times);
        self
    }

    /// Applies to a random share of the matching requests, above 0 and at most 1; the same seed gives the same choice.
    pub fn probability(mut self, share: f64, seed: u64) -> Fault {
        self.definition.probability = Some(share);
        self.definition.seed = Some(seed);
        self
    }

    /// Applies once, unless `times` says otherwise.
    pub(super) fn once(mut self) -> Fault {
        self.definition.times.get_or_insert(1);
        self
    }

    pub(super) fn of_store(mut self, store: &str) -> Fault {
        self.criteria().store = Some(store.to_owned());
        self
    }

    /// # Panics
    ///
    /// If the fault is not possible, or there are too many.
    #[track_caller]
    pub(super) fn add_to(self, world: &Arc<World>) -> AddedFault {
        let memory = world.memory();
        if let Some(criteria) = &self.definition.criteria {
            print_warnings(match_warnings(&criteria.to_json()));
        }
        match self.validated().and_then(|definition| memory.faults.add(definition)) {
            Ok(id) => {
                print_warnings(memory.faults.hidden_warning(id));
                AddedFault { world: world.clone(), memory: Arc::downgrade(&memory), id }
            }
            Err(error) => panic!("the fault is not added: {error}"),
        }
    }

    /// Reads the definition back from its JSON, which checks the bounds of its values.
    fn validated(&self) -> Result<FaultDefinition, InvalidFault> {
        FaultDefinition::from_json(self.definition.to_json())
    }

    fn criteria(&mut self) -> &mut Criteria {
        self.definition.criteria.get_or_insert_default()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A fault that was added, with its counts. A reset, or restoring another state, removes it.
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
    /// The memory that has the fault: another one counts ids from 1 again.
    memory: Weak<Memory>,
    id: u64,
}

/// As [`to_json`](AddedFault::to_json).
impl fmt::Debug for AddedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl AddedFault {
    /// Its id, as in the header `X-Yotpo-Mock-Fault` of a response and in [`Entry::fault`](crate::journal::Entry::fault).
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The number of requests that it was applied to; 0 once it is removed.
    pub fn hits(&self) -> u64 {
        self.to_json()["hits"].as_u64().unwrap_or(0)
    }

    /// The number of requests that matched, including those that it left alone; 0 once it is removed.
    pub fn matched(&self) -> u64 {
        self.to_json()["matched"].as_u64().unwrap_or(0)
    }

    /// Whether it is used up or removed.
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
    pub fn remove(self) {
        if let Some(memory) = self.memory() {
            memory.faults.remove(self.id);
        }
    }

    /// The fault and its counts, as in `GET /_mock/faults`; null once it is removed.
    pub fn to_json(&self) -> Value {
        let fault = self.memory().and_then(|memory| memory.faults.get(self.id));
        fault.unwrap_or_default()
    }

    /// All faults, or those that apply to one store only.
    pub(super) fn all(world: &Arc<World>, store: Option<&str>) -> Vec<AddedFault> {
        let memory = world.memory();
        let ids = memory.faults.ids(store).into_iter();
        let faults = ids.map(|id| AddedFault { world: world.clone(), memory: Arc::downgrade(&memory), id });
        faults.collect()
    }

    /// The memory that has the fault, unless it was replaced.
    fn memory(&self) -> Option<Arc<Memory>> {
        let memory = self.world.memory();
        ptr::eq(self.memory.as_ptr(), Arc::as_ptr(&memory)).then_some(memory)
    }
}
