//! A fault that was added, with its counts.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value};

use super::definition::{FaultDefinition, InvalidFault};
use super::effect::Effect;
use super::{FaultDocument, MatchedFault};
use crate::domain::operation::Operation;
use crate::world::matching::differences;

#[derive(Clone, Debug)]
pub(super) struct ActiveFault {
    pub id: u64,
    definition: FaultDefinition,
    /// The properties that a request must have, as an expectation.
    expectation: Value,
    delay_bounds: (u64, u64),
    effect: Effect,
    rng: Rng,
    matched: u64,
    hits: u64,
}

impl ActiveFault {
    /// # Errors
    ///
    /// If the definition is not possible.
    pub fn new(id: u64, definition: FaultDefinition) -> Result<ActiveFault, InvalidFault> {
        let criteria = definition.criteria.as_ref();
        let expectation = criteria.map(|criteria| criteria.expectation()).transpose()?;
        Ok(ActiveFault {
            id,
            expectation: expectation.unwrap_or_else(|| Map::new().into()),
            delay_bounds: definition.delay_bounds()?,
            effect: definition.effect()?,
            rng: Rng::with_seed(definition.random_seed()),
            matched: 0,
            hits: 0,
            definition,
        })
    }

    pub fn restore(document: FaultDocument) -> Result<ActiveFault, InvalidFault> {
        let fault = ActiveFault::new(document.id, FaultDefinition::from_json(document.definition)?)?;
        Ok(ActiveFault {
            matched: document.matched,
            hits: document.hits,
            rng: Rng::with_seed(document.draws_from),
            ..fault
        })
    }

    pub fn to_document(&self) -> FaultDocument {
        FaultDocument {
            id: self.id,
            matched: self.matched,
            hits: self.hits,
            draws_from: self.rng.get_seed(),
            definition: self.definition.to_json(),
        }
    }

    /// The definition with the counts.
    pub fn to_json(&self) -> Value {
        let mut json = Value::Object(self.definition.to_json());
        json["id"] = self.id.into();
        json["matched"] = self.matched.into();
        json["hits"] = self.hits.into();
        json["used_up"] = self.is_used_up().into();
        json
    }

    pub fn is_used_up(&self) -> bool {
        self.definition.times.is_some_and(|times| self.hits >= times)
    }

    /// The only store that the fault is for, if there is one.
    pub fn store(&self) -> Option<&str> {
        self.definition.criteria.as_ref()?.store.as_deref()
    }

    /// The only operation that the fault is for, if there is one.
    pub fn operation(&self) -> Option<Operation> {
        Operation::from_name(self.definition.criteria.as_ref()?.operation.as_deref()?)
    }

    pub fn is_only_for(&self, store: &str) -> bool {
        self.store() == Some(store)
    }

    /// Whether each request that `other` matches is one that this fault, which is older, applies to.
    pub fn hides(&self, other: &ActiveFault) -> bool {
        let FaultDefinition { times, after, probability, .. } = &self.definition;
        let is_limited = times.is_some() || after.is_some() || probability.is_some();
        // Null expects the absence of what the other fault does not care about.
        !is_limited
            && !contains_null(&self.expectation)
            && differences(&self.expectation, &other.expectation).is_empty()
    }

    pub fn needs_body(&self) -> bool {
        let criteria = self.definition.criteria.as_ref();
        criteria.is_some_and(|criteria| criteria.body.is_some())
    }

    /// Whether the fault could apply to a request, judged by what is known before its body is read.
    pub fn may_match(&self, operation: Operation, store: Option<&str>, method: &str, path: &str) -> bool {
        let allows = |expected: &Option<String>, found: &str| expected.as_deref().is_none_or(|text| text == found);
        !self.is_used_up()
            && self.definition.criteria.as_ref().is_none_or(|criteria| {
                allows(&criteria.operation, operation.as_str())
                    && store.is_none_or(|store| allows(&criteria.store, store))
                    && allows(&criteria.method, method)
                    && allows(&criteria.path, path)
            })
    }

    /// Counts a request if it matches, and returns the effect if the fault applies to it.
    pub fn match_request(&mut self, request: &Value) -> Option<MatchedFault> {
        if self.is_used_up() || !differences(&self.expectation, request).is_empty() {
            return None;
        }
        self.matched += 1;
        let is_early = self.matched <= self.definition.after.unwrap_or(0);
        if is_early || self.rng.f64() >= self.definition.probability.unwrap_or(1.0) {
            return None;
        }
        self.hits += 1;
        let (min, max) = self.delay_bounds;
        Some(MatchedFault {
            id: self.id,
            effect: Effect { delay: Duration::from_millis(self.rng.u64(min..=max)), ..self.effect.clone() },
        })
    }
}

fn contains_null(expectation: &Value) -> bool {
    match expectation {
        Value::Object(object) => object.values().any(contains_null),
        value => value.is_null(),
    }
}
