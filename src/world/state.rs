//! The state of a world: everything that a test could see of it, at one moment.

use super::clock::ClockState;
use super::memory::MemoryState;

/// What is remembered, and what time it is. A copy costs next to nothing, however large the stores are.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub memory: MemoryState,
    /// `None` leaves the time alone where the state is put back.
    pub clock: Option<ClockState>,
    // What a test lets the emulator do wrong joins here.
}
