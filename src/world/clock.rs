//! The clock: the only place where the time is asked for.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use parking_lot::Mutex;
use std::time::Duration;

/// The last year that a clock can be advanced to.
const LAST_YEAR: i32 = 9000;

/// The time of one world: real time, ahead of it, or standing still. It never goes back.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Setting>);

#[derive(Debug, Default)]
struct Setting {
    ahead: TimeDelta,
    frozen_at: Option<DateTime<Utc>>,
}

impl Clock {
    /// A clock that stands at a moment until it is advanced.
    pub fn frozen_at(moment: DateTime<Utc>) -> Clock {
        Clock(Mutex::new(Setting {
            ahead: TimeDelta::zero(),
            frozen_at: Some(moment),
        }))
    }

    /// The time of this world.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> DateTime<Utc> {
        let setting = self.0.lock();
        setting.frozen_at.unwrap_or_else(|| Utc::now() + setting.ahead)
    }

    /// Moves the time forward.
    ///
    /// # Panics
    ///
    /// If that leads beyond the year 9000, whose times could no longer be told with four digits for long.
    pub fn advance(&self, by: Duration) {
        let now = self.now();
        let by = TimeDelta::from_std(by).ok();
        let then = by
            .and_then(|by| now.checked_add_signed(by))
            .filter(|then| then.year() <= LAST_YEAR);
        let (Some(by), Some(then)) = (by, then) else {
            panic!("a clock is not advanced beyond the year {LAST_YEAR}");
        };
        let mut setting = self.0.lock();
        match &mut setting.frozen_at {
            Some(moment) => *moment = then,
            None => setting.ahead += by,
        }
    }
}
