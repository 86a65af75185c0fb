//! What a handle works on: all stores of a running emulator, or one of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::document_error::DocumentError;
use super::fault::{AddedFault, Fault};
use super::requests::{self, Requests};
use super::{Report, Setting, Settings};
use crate::domain::operation::Operation;
#[cfg(feature = "tls")]
use crate::http::tls::Tls;
use crate::world::clock::LAST_YEAR;
use crate::world::settings::SettingsOverrides;
use crate::world::{ResetTo, World};

/// The running emulator behind a [`YotpoMock`](super::YotpoMock) and its stores.
pub(super) struct Inner {
    pub world: Arc<World>,
    /// `http://`, the address and the port.
    pub url: String,
    #[cfg(feature = "tls")]
    pub https_url: String,
    #[cfg(feature = "tls")]
    pub tls: Arc<Tls>,
    /// How many requests a panicking test prints.
    pub journal_on_panic: usize,
    /// The stores whose requests were printed by a panic.
    pub printed: Mutex<BTreeSet<String>>,
    /// The number of the last store that [`YotpoMock::new_store`](super::YotpoMock::new_store) named.
    pub last_new_store: AtomicU64,
}

/// The methods that all stores and one store have in common, each written once.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub inner: &'a Arc<Inner>,
    /// `None`: all stores.
    pub store: Option<&'a str>,
}

impl Scope<'_> {
    fn world(&self) -> &Arc<World> {
        &self.inner.world
    }

    pub fn requests(self) -> Requests {
        Requests::new(self.world(), self.store)
    }

    pub fn clear_requests(self) {
        self.world().journal.clear(self.store);
    }

    pub fn report(self) -> Report {
        self.world().report.report(self.store)
    }

    pub fn clear_report(self) {
        self.world().report.clear(self.store);
    }

    #[track_caller]
    pub fn fail_next(self, operation: Operation, fault: Fault) -> AddedFault {
        self.add_fault(fault.on(operation).once())
    }

    #[track_caller]
    pub fn add_fault(self, fault: Fault) -> AddedFault {
        let fault = match self.store {
            Some(store) => fault.of_store(store),
            None => fault,
        };
        fault.add_to(self.world())
    }

    pub fn faults(self) -> Vec<AddedFault> {
        AddedFault::all(self.world(), self.store)
    }

    pub fn clear_faults(self) {
        self.world().memory().faults.clear(self.store);
    }

    pub fn now(self) -> DateTime<Utc> {
        match self.store {
            Some(store) => self.world().store_now(store),
            None => self.world().clock.now(),
        }
    }

    #[track_caller]
    pub fn advance(self, by: Duration) {
        let advanced = self.world().clock.advance(self.store, by);
        assert!(advanced.is_ok(), "a clock is not advanced beyond the year {LAST_YEAR}");
    }

    #[track_caller]
    pub fn set_time(self, time: DateTime<Utc>) {
        if let Err(error) = self.world().clock.set(self.store, Some(time), None) {
            panic!("{error}");
        }
    }

    pub fn settle(self) -> usize {
        self.world().settle(self.store)
    }

    pub fn settings(self) -> Settings {
        self.world().memory().settings(self.store)
    }

    #[track_caller]
    pub fn set(self, setting: Setting) {
        let memory = self.world().memory();
        match memory.overrides(self.store).with(setting) {
            Ok(overrides) => memory.set_overrides(self.store, overrides),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn clear_settings(self) {
        self.world().memory().set_overrides(self.store, SettingsOverrides::default());
    }

    pub fn reset(self, to: ResetTo) {
        self.world().reset(self.store, to);
    }

    pub fn restore_json(self, document: &str) -> Result<(), DocumentError> {
        self.world().restore_document(self.store, document).map_err(DocumentError::new)
    }

    /// Prints the latest requests: of one store, or of all stores whose requests were not printed yet.
    pub fn print_journal(self) {
        let most = self.inner.journal_on_panic;
        if most == 0 {
            return;
        }
        let mut printed = self.inner.printed.lock();
        let mut entries = self.world().journal.entries();
        entries.retain(|entry| match self.store {
            Some(store) => entry.store() == Some(store),
            None => entry.store().is_none_or(|store| !printed.contains(store)),
        });
        let is_new = self.store.is_none_or(|store| printed.insert(store.to_owned()));
        if !is_new || entries.is_empty() {
            return;
        }
        let scope = self.store.map_or_else(String::new, |store| format!(" to store `{store}`"));
        // The test harness captures only the output of the print macros.
        eprintln!("{}", requests::list_requests(&entries, most, &scope));
    }
}
