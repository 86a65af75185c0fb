//! What an emulator was at one moment.

use std::{fmt, io};

use crate::world::state_document::State;

/// What an emulator, or one of its stores, was at one moment: everything that a test could see, the journal and the report
/// apart. It costs next to nothing, however large the stores are.
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

/// The ids of its stores, and nothing secret.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<_> = self.state.memory.stores.keys().collect();
        f.debug_struct("Snapshot")
            .field("stores", &stores)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn of(state: State) -> Snapshot {
        Snapshot { state }
    }

    pub(super) fn state(&self) -> State {
        self.state.clone()
    }

    /// The whole of it as the document that `GET /_mock/state` gives, `PUT /_mock/state` takes and
    /// [`Builder::state_file`](crate::Builder::state_file) reads.
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
        written.expect("a Vec takes all writes");
        String::from_utf8(json).expect("JSON is UTF-8")
    }
}
