//! The clock: the only place that reads the time of day.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use parking_lot::Mutex;

use super::SharedById;
use crate::domain::timestamp;

/// The last year that a clock can be set to. Times that are derived from it, such as expiries, still have four-digit years.
pub(crate) const LAST_YEAR: i32 = 9000;

/// The time of one emulator: real time, ahead of it, or frozen. Only restoring a state sets it back.
///
/// A store's time is this time plus an offset of the store, so that one test can advance its store by two weeks without expiring
/// the tokens of another.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    shared: Mutex<SharedClock>,
    /// The offsets of stores that are not zero.
    offsets: SharedById<TimeDelta>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SharedClock {
    ahead: TimeDelta,
    frozen_at: Option<DateTime<Utc>>,
}

/// The state of a clock at one time, to be restored later.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClockState {
    /// `None` in the state of a single store.
    pub all: Option<ClockMode>,
    /// The offsets of stores that are not zero.
    pub offsets: BTreeMap<String, TimeDelta>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClockMode {
    Frozen(DateTime<Utc>),
    /// Real time plus this.
    Offset(TimeDelta),
}

impl From<ClockMode> for SharedClock {
    fn from(mode: ClockMode) -> SharedClock {
        match mode {
            ClockMode::Frozen(moment) => SharedClock { ahead: TimeDelta::zero(), frozen_at: Some(moment) },
            ClockMode::Offset(ahead) => SharedClock { ahead, frozen_at: None },
        }
    }
}

impl SharedClock {
    fn now(self) -> DateTime<Utc> {
        self.frozen_at.unwrap_or_else(|| steady_now() + self.ahead)
    }
}

/// The time of the system's clock at the first call, plus the time since then. Setting the system's clock does not change it.
fn steady_now() -> DateTime<Utc> {
    static START: LazyLock<(DateTime<Utc>, Instant)> = LazyLock::new(|| (real_now(), Instant::now()));
    START.0 + START.1.elapsed()
}

/// Real time, for values that clients compare with their own clocks.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the time")]
pub(crate) fn real_now() -> DateTime<Utc> {
    Utc::now()
}

/// Why a clock cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClockError {
    #[error("a clock never goes back: it is `{}` already", timestamp::rfc3339(*now))]
    Back { now: DateTime<Utc> },
    #[error("the time would be beyond the year {LAST_YEAR}")]
    TooFar,
}

impl Clock {
    /// A clock that is frozen at a time until it is advanced.
    pub fn frozen_at(moment: DateTime<Utc>) -> Clock {
        Clock {
            shared: Mutex::new(SharedClock { ahead: TimeDelta::zero(), frozen_at: Some(moment) }),
            offsets: SharedById::default(),
        }
    }

    /// The time for all stores.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.lock().now()
    }

    pub fn is_frozen(&self) -> bool {
        self.shared.lock().frozen_at.is_some()
    }

    /// How far a store is ahead of the time for all stores.
    pub fn offset(&self, store: &str) -> TimeDelta {
        self.offsets.get(store).map(|offset| *offset).unwrap_or_default()
    }

    /// Advances the time of all stores, or of one.
    ///
    /// # Errors
    ///
    /// [`ClockError::TooFar`]. Then nothing is changed.
    pub fn advance(&self, store: Option<&str>, by: Duration) -> Result<(), ClockError> {
        let by = TimeDelta::from_std(by).map_err(|_| ClockError::TooFar)?;
        self.move_by(&mut self.shared.lock(), store, by)
    }

    /// Sets the time of all stores, or of one, and freezes or unfreezes the clock.
    ///
    /// # Errors
    ///
    /// [`ClockError::Back`] or [`ClockError::TooFar`]. Then nothing is changed.
    pub fn set(
        &self,
        store: Option<&str>,
        moment: Option<DateTime<Utc>>,
        frozen: Option<bool>,
    ) -> Result<(), ClockError> {
        let mut shared = self.shared.lock();
        // The time is read once, so that a frozen clock shows exactly the time that it was set to.
        let now = shared.now();
        let mut changed = SharedClock { frozen_at: Some(now), ..*shared };
        if let Some(moment) = moment {
            let now = now + store.map(|store| self.offset(store)).unwrap_or_default();
            if moment < now {
                return Err(ClockError::Back { now });
            }
            self.move_by(&mut changed, store, moment - now)?;
        }
        let then = changed.frozen_at.expect("it was just frozen");
        let is_frozen = frozen.unwrap_or(shared.frozen_at.is_some());
        *shared = SharedClock { ahead: then - SharedClock::default().now(), frozen_at: is_frozen.then_some(then) };
        Ok(())
    }

    pub fn state(&self) -> ClockState {
        let shared = self.shared.lock();
        let mode = match shared.frozen_at {
            Some(moment) => ClockMode::Frozen(moment),
            None => ClockMode::Offset(shared.ahead),
        };
        let offsets = self.offsets.iter().filter(|offset| !offset.is_zero());
        ClockState { all: Some(mode), offsets: offsets.map(|offset| (offset.key().clone(), *offset)).collect() }
    }

    /// Restores the clock, even to an earlier time, since all other state is restored with it.
    pub fn restore(&self, state: &ClockState) {
        let mut shared = self.shared.lock();
        if let Some(mode) = state.all {
            *shared = mode.into();
        }
        self.offsets.clear();
        for (store, offset) in &state.offsets {
            self.offsets.insert(store.clone(), *offset);
        }
    }

    /// Restores the offset of a store, even to a smaller one, since the store is restored with it.
    pub fn restore_offset(&self, store: &str, offset: TimeDelta) {
        let _shared = self.shared.lock();
        if offset.is_zero() {
            self.offsets.remove(store);
        } else {
            self.offsets.insert(store.to_owned(), offset);
        }
    }

    fn move_by(&self, shared: &mut SharedClock, store: Option<&str>, by: TimeDelta) -> Result<(), ClockError> {
        let now = shared.now();
        match store {
            Some(store) => {
                let offset = self.offset(store).checked_add(&by).ok_or(ClockError::TooFar)?;
                within_years(now, offset)?;
                self.offsets.insert(store.to_owned(), offset);
            }
            None => {
                let furthest = self.offsets.iter().map(|offset| *offset).max().unwrap_or_default();
                within_years(now, by.checked_add(&furthest).ok_or(ClockError::TooFar)?)?;
                match &mut shared.frozen_at {
                    Some(moment) => *moment += by,
                    None => shared.ahead += by,
                }
            }
        }
        Ok(())
    }
}

impl ClockState {
    /// Whether the clock stays between the years 0 and [`LAST_YEAR`]. `real` is the clock to which offsets alone would apply.
    pub fn is_within_years(&self, real: &Clock) -> bool {
        let furthest = self.offsets.values().max().copied().unwrap_or_default();
        let now = match self.all {
            None => Some(real.now()),
            Some(ClockMode::Frozen(moment)) => Some(moment),
            Some(ClockMode::Offset(ahead)) => SharedClock::default().now().checked_add_signed(ahead),
        };
        now.is_some_and(|now| now.year() >= 0 && within_years(now, furthest).is_ok())
    }
}

fn within_years(now: DateTime<Utc>, by: TimeDelta) -> Result<(), ClockError> {
    let then = now.checked_add_signed(by).ok_or(ClockError::TooFar)?;
    if then.year() > LAST_YEAR { Err(ClockError::TooFar) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_clock_that_runs_again_goes_on_from_where_it_stood() {
        let moment = "2030-01-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::frozen_at(moment);
        clock.advance(None, HOUR).expect("not too far");
        clock.set(None, None, Some(false)).expect("it stays where it is");
        assert!(!clock.is_frozen() && clock.now() >= moment + HOUR);
        assert!(clock.now() < moment + 2 * HOUR, "it runs from there and not from now");
    }

    #[test]
    fn a_clock_never_goes_back() {
        let moment = "2030-01-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::frozen_at(moment);
        assert_eq!(clock.set(None, Some(moment - HOUR), Some(false)), Err(ClockError::Back { now: moment }));
        assert_eq!(clock.set(Some("shop"), Some(moment + HOUR), None), Ok(()));
        assert_eq!(clock.set(Some("shop"), Some(moment), None), Err(ClockError::Back { now: moment + HOUR }));
        assert_eq!(clock.advance(None, Duration::MAX), Err(ClockError::TooFar));
        assert!(clock.is_frozen(), "a change that is refused changes nothing");
        assert_eq!((clock.now(), clock.offset("shop")), (moment, TimeDelta::hours(1)));
    }
}
