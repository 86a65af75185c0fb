//! Finds the faults for a request by its store and its operation, so that others cost it nothing.

use std::collections::HashMap;

use super::active::ActiveFault;
use crate::domain::operation::Operation;

/// The positions of faults in their list, in ascending order, by operation; `None` for any.
type Positions = HashMap<Option<Operation>, Vec<usize>>;

/// The positions of all faults that are not used up.
#[derive(Debug, Default)]
pub(super) struct Index {
    of_stores: HashMap<String, Positions>,
    of_any_store: Positions,
}

impl Index {
    pub fn new(faults: &[ActiveFault]) -> Index {
        let mut index = Index::default();
        for (position, fault) in faults.iter().enumerate().filter(|(_, fault)| !fault.is_used_up()) {
            let positions = match fault.store() {
                Some(store) => index.of_stores.entry(store.to_owned()).or_default(),
                None => &mut index.of_any_store,
            };
            positions.entry(fault.operation()).or_default().push(position);
        }
        index
    }

    /// The positions of the faults for an operation of a store, or of any store if it is not known, in ascending order.
    pub fn find(&self, operation: Operation, store: Option<&str>) -> Vec<usize> {
        let of_stores: Vec<_> = match store {
            Some(store) => self.of_stores.get(store).into_iter().collect(),
            None => self.of_stores.values().collect(),
        };
        let positions = of_stores.into_iter().chain([&self.of_any_store]);
        let positions = positions.flat_map(|positions| [None, Some(operation)].map(|key| positions.get(&key)));
        let mut positions: Vec<_> = positions.flatten().flatten().copied().collect();
        positions.sort_unstable();
        positions
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FaultDefinition;
    use super::*;

    #[test]
    fn exactly_the_faults_for_a_store_and_an_operation_are_found_in_their_order() {
        let stores = [None, Some("a"), Some("b")];
        let operations = [None, Some("upsertCustomer"), Some("retrieveCustomers")];
        let criteria = stores.iter().flat_map(|store| operations.map(|operation| (*store, operation)));
        let faults: Vec<_> = (criteria.clone().chain(criteria.rev()))
            .map(|(store, operation)| {
                let json = json!({"status": 500, "match": {"store": store, "operation": operation}});
                let definition = FaultDefinition::from_json(json.as_object().expect("an object").clone());
                ActiveFault::new(0, definition.expect("it is valid")).expect("it is possible")
            })
            .collect();
        let index = Index::new(&faults);
        for store in stores {
            for operation in [Operation::UpsertCustomer, Operation::CreateAccessToken] {
                let is_for = |fault: &ActiveFault| {
                    (store.is_none() || fault.store().is_none() || fault.store() == store)
                        && fault.operation().is_none_or(|other| other == operation)
                };
                let expected: Vec<_> = (0..faults.len()).filter(|position| is_for(&faults[*position])).collect();
                assert_eq!(index.find(operation, store), expected, "{store:?} {operation:?}");
            }
        }
    }
}
