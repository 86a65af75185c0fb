//! Faults: the vendor misbehaving on demand.
//!
//! A fault says which requests it is for and what happens to them. A request meets at most one: the oldest that matches it and
//! is not used up.

use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::matching::differences;
use super::verification::{self, InvalidExpectation};
use crate::domain::operation::Operation;

/// How many faults there may be.
pub(crate) const CAPACITY: usize = 1000;

/// The keys of a fault, and of what it is for.
const KEYS: [&str; 16] = [
    "match",
    "after",
    "times",
    "probability",
    "seed",
    "status",
    "body",
    "headers",
    "content_type",
    "malformed_json",
    "delay_ms",
    "truncate_bytes",
    "drip_bytes_per_second",
    "expire_token",
    "connection",
    "after_commit",
];
const MATCH_KEYS: [&str; 7] = ["operation", "store", "method", "path", "query", "headers", "body"];

/// What is done to a connection in the place of an answer, or after its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// An end of file.
    Close,
    /// A reset: what was sent and not yet read may be lost, too.
    Reset,
}

/// What happens to a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effect {
    /// Waited before anything else, in real time.
    pub delay: Duration,
    /// Whether the token that came is dead from now on.
    pub expire_token: bool,
    /// An answer in the place of the emulator's.
    pub status: Option<u16>,
    pub body: Option<String>,
    /// What is changed in the answer, the emulator's or that one.
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
    pub malformed_json: bool,
    pub truncate_bytes: Option<usize>,
    pub drip_bytes_per_second: Option<u32>,
    pub connection: Option<Disconnect>,
    /// Whether the request takes its full effect before its answer is replaced.
    pub after_commit: bool,
}

impl Effect {
    /// Whether the emulator's own answer never goes out.
    pub fn replaces_the_answer(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.connection.is_some()
    }
}

/// A fault that a request has met.
#[derive(Clone, Debug)]
pub(crate) struct MatchedFault {
    pub id: u64,
    pub effect: Effect,
}

/// One fault as it was asked for, and what became of it.
#[derive(Clone, Debug)]
struct Fault {
    id: u64,
    /// As it was asked for.
    spec: Map<String, Value>,
    wanted: Map<String, Value>,
    after: u64,
    times: Option<u64>,
    probability: f64,
    rng: Rng,
    delay: (u64, u64),
    effect: Effect,
    /// How many requests matched, and how many of them it struck.
    matched: u64,
    hits: u64,
}

/// What must be read of a request before it is known which fault it meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchInputs {
    pub bodies: bool,
}

/// All faults of one memory.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<FaultsState>);

/// The faults at one moment, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultsState {
    last_id: u64,
    faults: Vec<Fault>,
}

/// What a state's fault has beside what it was asked for.
const STATE_KEYS: [&str; 4] = ["id", "matched", "hits", "draws_from"];

impl FaultsState {
    /// Those that are for one store only.
    pub fn of_store(mut self, store: &str) -> FaultsState {
        self.faults.retain(|fault| fault.is_only_for(store));
        self
    }

    /// As a state document tells them.
    pub fn to_json(&self) -> Value {
        let faults = self.faults.iter().map(|fault| {
            let mut json = Value::Object(fault.spec.clone());
            json["id"] = fault.id.into();
            json["matched"] = fault.matched.into();
            json["hits"] = fault.hits.into();
            json["draws_from"] = fault.rng.get_seed().into();
            json
        });
        json!({ "last_id": self.last_id, "faults": faults.collect::<Vec<_>>() })
    }

    /// Reads what a state document tells.
    ///
    /// # Errors
    ///
    /// Which fault is impossible, and why.
    pub fn read(last_id: u64, told: Vec<Map<String, Value>>) -> Result<FaultsState, String> {
        if told.len() > CAPACITY {
            return Err(format!("faults.faults has more than {CAPACITY}"));
        }
        let mut state = FaultsState {
            last_id,
            faults: Vec::new(),
        };
        for (at, mut spec) in told.into_iter().enumerate() {
            let wrong = |reason: String| format!("faults.faults[{at}]: {reason}");
            let [id, matched, hits, draws_from] =
                STATE_KEYS.map(|key| (key, spec.remove(key).and_then(|value| value.as_u64())));
            let whole = |(key, value): (&str, Option<u64>)| {
                value.ok_or_else(|| wrong(format!("`{key}` must be a whole number")))
            };
            let (id, matched, hits, draws_from) = (whole(id)?, whole(matched)?, whole(hits)?, whole(draws_from)?);
            let last = state.faults.last().map_or(0, |fault| fault.id);
            if id <= last || id > last_id || hits > matched {
                return Err(wrong(
                    "ids must ascend to `last_id`, and no fault hits more than match".to_owned(),
                ));
            }
            state.faults.push(Fault {
                id,
                matched,
                hits,
                rng: Rng::with_seed(draws_from),
                ..Fault::read(spec).map_err(wrong)?
            });
        }
        Ok(state)
    }
}

impl Faults {
    /// The parts of a request that faults look at; `None` if no fault is left that could apply.
    pub fn match_inputs(&self) -> Option<MatchInputs> {
        self.inputs_of(|_| true)
    }

    /// The parts of a request that decide which fault applies to it; `None` if none can, so that such a request pays nothing.
    ///
    /// The store is `None` where it is not known yet, since it is in the body.
    pub fn may_match(
        &self,
        operation: Option<Operation>,
        store: Option<&str>,
        method: &str,
        path: &str,
    ) -> Option<MatchInputs> {
        let operation = operation.map_or(Value::Null, |operation| operation.as_str().into());
        self.inputs_of(|fault| {
            let allows = |key: &str, found: &str| fault.wanted.get(key).is_none_or(|wanted| wanted == found);
            fault.wanted.get("operation").is_none_or(|wanted| *wanted == operation)
                && store.is_none_or(|store| allows("store", store))
                && allows("method", method)
                && allows("path", path)
        })
    }

    fn inputs_of(&self, is_candidate: impl Fn(&Fault) -> bool) -> Option<MatchInputs> {
        let inner = self.0.lock();
        let mut candidates = inner
            .faults
            .iter()
            .filter(|fault| !fault.is_used_up() && is_candidate(fault))
            .peekable();
        candidates.peek()?;
        Some(MatchInputs {
            bodies: candidates.any(|fault| fault.wanted.contains_key("body")),
        })
    }

    /// Adds a fault; gives its id.
    ///
    /// # Errors
    ///
    /// What is impossible about it, or that there are [`CAPACITY`] already.
    pub fn add(&self, spec: Map<String, Value>) -> Result<u64, String> {
        let fault = Fault::read(spec)?;
        let mut inner = self.0.lock();
        if inner.faults.len() >= CAPACITY {
            return Err(format!(
                "there are {CAPACITY} faults already: `DELETE /_mock/faults` removes them"
            ));
        }
        inner.last_id += 1;
        let id = inner.last_id;
        inner.faults.push(Fault { id, ..fault });
        Ok(id)
    }

    /// The fault that a request meets, if any; it counts as a hit. The facts are an object with the keys of a `match`.
    pub fn match_fault(&self, facts: &Value) -> Option<MatchedFault> {
        let mut inner = self.0.lock();
        inner.faults.iter_mut().find_map(|fault| fault.match_fault(facts))
    }

    /// All faults, or those that are for one store only, oldest first.
    pub fn list(&self, store: Option<&str>) -> Vec<Value> {
        let inner = self.0.lock();
        inner
            .faults
            .iter()
            .filter(|fault| store.is_none_or(|store| fault.is_only_for(store)))
            .map(Fault::to_json)
            .collect()
    }

    /// The ids of all faults, or of those that are for one store only, oldest first.
    pub fn ids(&self, store: Option<&str>) -> Vec<u64> {
        let inner = self.0.lock();
        let faults = inner.faults.iter();
        let faults = faults.filter(|fault| store.is_none_or(|store| fault.is_only_for(store)));
        faults.map(|fault| fault.id).collect()
    }

    /// One fault.
    pub fn get(&self, id: u64) -> Option<Value> {
        self.0
            .lock()
            .faults
            .iter()
            .find(|fault| fault.id == id)
            .map(Fault::to_json)
    }

    /// What is there, to be put back later.
    pub fn state(&self) -> FaultsState {
        self.0.lock().clone()
    }

    /// The faults that others were.
    pub fn restore(state: FaultsState) -> Faults {
        Faults(Mutex::new(state))
    }

    /// Puts the faults that are for one store only in the place of those that are.
    pub fn restore_store(&self, store: &str, state: FaultsState) {
        let mut inner = self.0.lock();
        inner.faults.retain(|fault| !fault.is_only_for(store));
        inner.last_id = inner.last_id.max(state.last_id);
        inner.faults.extend(state.faults);
        inner.faults.sort_unstable_by_key(|fault| fault.id);
        inner.faults.dedup_by_key(|fault| fault.id);
    }

    /// Removes one fault; whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = self.0.lock();
        let before = inner.faults.len();
        inner.faults.retain(|fault| fault.id != id);
        inner.faults.len() < before
    }

    /// Removes all faults, or those that are for one store only; gives their number.
    pub fn clear(&self, store: Option<&str>) -> usize {
        let mut inner = self.0.lock();
        let before = inner.faults.len();
        inner
            .faults
            .retain(|fault| store.is_some_and(|store| !fault.is_only_for(store)));
        before - inner.faults.len()
    }
}

impl Fault {
    fn match_fault(&mut self, facts: &Value) -> Option<MatchedFault> {
        if self.is_used_up() || !differences(&Value::Object(self.wanted.clone()), facts).is_empty() {
            return None;
        }
        self.matched += 1;
        if self.matched <= self.after || self.rng.f64() >= self.probability {
            return None;
        }
        self.hits += 1;
        let (least, most) = self.delay;
        Some(MatchedFault {
            id: self.id,
            effect: Effect {
                delay: Duration::from_millis(self.rng.u64(least..=most)),
                ..self.effect.clone()
            },
        })
    }

    fn is_used_up(&self) -> bool {
        self.times.is_some_and(|times| self.hits >= times)
    }

    fn is_only_for(&self, store: &str) -> bool {
        self.wanted.get("store").and_then(Value::as_str) == Some(store)
    }

    fn to_json(&self) -> Value {
        let mut json = Value::Object(self.spec.clone());
        json["id"] = self.id.into();
        json["matched"] = self.matched.into();
        json["hits"] = self.hits.into();
        json["used_up"] = self.is_used_up().into();
        json
    }

    /// Reads a fault strictly: a misspelt one must not pass silently.
    fn read(spec: Map<String, Value>) -> Result<Fault, String> {
        let read = Reader(&spec);
        known(&spec, &KEYS, "a fault")?;
        let wanted = match spec.get("match") {
            None => Map::new(),
            Some(Value::Object(wanted)) => read_match(wanted)?,
            Some(_) => return Err("`match` must be an object".to_owned()),
        };
        let delay = read.delay()?;
        let effect = Effect {
            delay: Duration::ZERO,
            expire_token: read.switch("expire_token")?,
            status: read
                .whole("status", 200, 599)?
                .map(|status| u16::try_from(status).expect("it was bounded")),
            body: read.body(),
            content_type: read.text("content_type")?,
            headers: read.headers()?,
            malformed_json: read.switch("malformed_json")?,
            truncate_bytes: read
                .whole("truncate_bytes", 0, u64::from(u32::MAX))?
                .map(|bytes| usize::try_from(bytes).expect("32 bits fit")),
            drip_bytes_per_second: read
                .whole("drip_bytes_per_second", 1, u64::from(u32::MAX))?
                .map(|rate| u32::try_from(rate).expect("it was bounded")),
            connection: read.connection()?,
            after_commit: read.switch("after_commit")?,
        };
        let changes_the_answer = effect.content_type.is_some()
            || !effect.headers.is_empty()
            || effect.malformed_json
            || effect.truncate_bytes.is_some()
            || effect.drip_bytes_per_second.is_some();
        if !effect.replaces_the_answer() && !changes_the_answer && !effect.expire_token && delay.1 == 0 {
            return Err("it has no effect: give `status`, `body`, `connection`, `delay_ms` or another".to_owned());
        }
        if effect.after_commit && !effect.replaces_the_answer() {
            return Err("`after_commit` goes with `status`, `body` or `connection`".to_owned());
        }
        if effect.connection.is_some() && (effect.status.is_some() || effect.body.is_some() || changes_the_answer) {
            return Err(
                "`connection` leaves no answer: it goes neither with `status` nor with anything else of an answer"
                    .to_owned(),
            );
        }
        let probability = read.probability()?;
        Ok(Fault {
            id: 0,
            wanted,
            after: read.whole("after", 0, u64::MAX)?.unwrap_or(0),
            times: read.whole("times", 1, u64::MAX)?,
            probability,
            rng: Rng::with_seed(read.seed()?),
            delay,
            effect,
            matched: 0,
            hits: 0,
            spec,
        })
    }
}

fn known(object: &Map<String, Value>, keys: &[&str], what: &str) -> Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("`{key}` is not a key of {what}: there are {}", keys.join(", "))),
        None => Ok(()),
    }
}

/// Reads what a fault is for: what is not null, since null means that it does not matter.
fn read_match(wanted: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    known(wanted, &MATCH_KEYS, "`match`")?;
    let mut wanted = wanted.clone();
    wanted.retain(|_, value| !value.is_null());
    verification::check(&wanted)
        .map_err(|InvalidExpectation { name, value, hint }| format!("`match.{name}` is `{value}`: {hint}"))?;
    verification::lowercase_headers(&mut wanted);
    Ok(wanted)
}

/// Reads the keys of a fault; null counts as absent.
struct Reader<'a>(&'a Map<String, Value>);

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn whole(&self, key: &str, least: u64, most: u64) -> Result<Option<u64>, String> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_u64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(format!(
                "`{key}` must be a whole number from {least} to {most}, and is `{value}`"
            )),
        }
    }

    fn switch(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) => Err(format!("`{key}` must be true or false, and is `{value}`")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if is_header_value(text) => Ok(Some(text.clone())),
            Some(value) => Err(format!("`{key}` must be a string that fits a header, and is `{value}`")),
        }
    }

    /// A text as it is, everything else as JSON.
    fn body(&self) -> Option<String> {
        self.get("body")
            .map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned))
    }

    fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let headers = match self.get("headers") {
            None => return Ok(Vec::new()),
            Some(Value::Object(headers)) => headers,
            Some(value) => return Err(format!("`headers` must be an object, and is `{value}`")),
        };
        let read = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            match text.filter(|text| is_name && is_header_value(text)) {
                Some(text) => Ok((name.clone(), text)),
                None => Err(format!(
                    "`headers.{name}` must be a header's name and a string or number that fits one"
                )),
            }
        };
        headers.iter().map(read).collect()
    }

    fn connection(&self) -> Result<Option<Disconnect>, String> {
        match self.get("connection") {
            None => Ok(None),
            Some(Value::String(how)) if how == "close" => Ok(Some(Disconnect::Close)),
            Some(Value::String(how)) if how == "reset" => Ok(Some(Disconnect::Reset)),
            Some(value) => Err(format!("`connection` must be `close` or `reset`, and is `{value}`")),
        }
    }

    /// The least and the most to wait, in milliseconds.
    fn delay(&self) -> Result<(u64, u64), String> {
        const MOST: u64 = 24 * 60 * 60 * 1000;
        match self.get("delay_ms") {
            Some(Value::Object(bounds)) => {
                known(bounds, &["min", "max", "seed"], "`delay_ms`")?;
                let bounds = Reader(bounds);
                let (least, most) = (
                    bounds.whole("min", 0, MOST)?.unwrap_or(0),
                    bounds.whole("max", 0, MOST)?,
                );
                match most.filter(|most| *most >= least) {
                    Some(most) => Ok((least, most)),
                    None => Err(format!("`delay_ms.max` must be a whole number from {least} to {MOST}")),
                }
            }
            _ => self
                .whole("delay_ms", 0, MOST)
                .map(|delay| delay.map_or((0, 0), |delay| (delay, delay))),
        }
    }

    fn probability(&self) -> Result<f64, String> {
        let Some(value) = self.get("probability") else {
            return Ok(1.0);
        };
        let probability = value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0);
        probability.ok_or_else(|| format!("`probability` must be a number above 0 and at most 1, and is `{value}`"))
    }

    /// What draws are made with: the fault's `seed`, or that of its delay.
    fn seed(&self) -> Result<u64, String> {
        let of_delay = self.get("delay_ms").and_then(Value::as_object).map(Reader);
        let of_delay = of_delay.map_or(Ok(None), |delay| delay.whole("seed", 0, u64::MAX))?;
        Ok(self.whole("seed", 0, u64::MAX)?.or(of_delay).unwrap_or(0))
    }
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}
