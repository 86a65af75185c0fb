//! The counts that a seed returns.

use crate::world::seed::Seeded;

/// How many customers and events a seed created in a store, and how many it replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeedSummary {
    /// Customers that the store did not have before.
    pub customers_created: usize,
    /// Customers that replaced existing ones.
    pub customers_replaced: usize,
    /// Events that the store did not have before.
    pub events_created: usize,
    /// Events that replaced existing ones.
    pub events_replaced: usize,
}

impl SeedSummary {
    pub(super) fn new(seeded: Seeded) -> SeedSummary {
        SeedSummary {
            customers_created: seeded.customers.created,
            customers_replaced: seeded.customers.replaced,
            events_created: seeded.events.created,
            events_replaced: seeded.events.replaced,
        }
    }
}
