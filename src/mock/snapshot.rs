//! Snapshots, for Rust tests.

use std::{fmt, io};

use crate::world::state_document::State;

/// The state of an emulator, or of one store, at one time; without the journal and the report. It costs next to nothing for any
/// size.
///
/// ```
/// let yotpo = yotpo_mock::YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.generate(1000, 100, 1);
/// let ready = yotpo.snapshot();
/// for _ in 0..3 {
///     // …a test that changes things, and then:
///     yotpo.restore(&ready);
/// }
/// ```
#[derive(Clone)]
pub struct Snapshot {
    state: State,
}

/// Shows the ids of its stores, and no secret.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<_> = self.state.memory.stores.keys().collect();
        f.debug_struct("Snapshot").field("stores", &stores).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn new(state: State) -> Snapshot {
        Snapshot { state }
    }

    pub(super) fn state(&self) -> State {
        self.state.clone()
    }

    /// The state document, as for `/_mock/state` and [`Builder::state_file`](crate::Builder::state_file).
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let document = yotpo.snapshot().to_json();
    /// yotpo.restore_json(&document).unwrap();
    /// assert_eq!(yotpo.snapshot().to_json(), document);
    /// ```
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        let written: io::Result<()> = self.state.write(&mut json);
        written.expect("writing to a Vec never fails");
        String::from_utf8(json).expect("JSON is UTF-8")
    }
}
