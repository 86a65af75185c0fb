//! How often a store may be called.
//!
//! Source: contract, "Rate limit" (5 requests per second and store and the headers are documented, the window is assumed).

use chrono::{DateTime, TimeDelta, Utc};

/// The vendor's own limit, in requests per second and store.
pub const VENDOR_LIMIT: u32 = 5;

/// How long a window stays open.
const WINDOW: TimeDelta = TimeDelta::seconds(1);

/// What an answer says of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Requests per window.
    pub limit: u32,
    /// What is left of them.
    pub remaining: u32,
    /// Whole seconds until the window closes, rounded up.
    pub reset_seconds: u32,
}

impl RateLimitStatus {
    /// The budget of a store that was not called. A limit of 0 is none: the answers then show the vendor's own.
    pub fn untouched(limit: u32) -> RateLimitStatus {
        let limit = if limit == 0 { VENDOR_LIMIT } else { limit };
        RateLimitStatus {
            limit,
            remaining: limit,
            reset_seconds: 0,
        }
    }
}

/// The second that opened with the first counted request of a store.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    opened_at: DateTime<Utc>,
    counted: u32,
}

impl Window {
    /// A window that opens now, with nothing counted.
    pub fn open(now: DateTime<Utc>) -> Window {
        Window {
            opened_at: now,
            counted: 0,
        }
    }

    /// When it opened, and what was counted since.
    pub fn counted(&self) -> (DateTime<Utc>, u32) {
        (self.opened_at, self.counted)
    }

    /// A window that opened at a moment, with so much counted since.
    pub fn restore(opened_at: DateTime<Utc>, counted: u32) -> Window {
        Window { opened_at, counted }
    }

    /// Whether its second has passed.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.opened_at + WINDOW
    }

    /// Counts one request.
    ///
    /// # Errors
    ///
    /// The exhausted budget, if the limit was reached before.
    pub fn count(&mut self, limit: u32, now: DateTime<Utc>) -> Result<RateLimitStatus, RateLimitStatus> {
        if self.is_over(now) {
            *self = Window::open(now);
        }
        if self.counted >= limit {
            return Err(self.rate_limit_status(limit, now));
        }
        self.counted += 1;
        Ok(self.rate_limit_status(limit, now))
    }

    /// What is left, without counting.
    pub fn rate_limit_status(&self, limit: u32, now: DateTime<Utc>) -> RateLimitStatus {
        if self.is_over(now) {
            return RateLimitStatus::untouched(limit);
        }
        let left = self.opened_at + WINDOW - now;
        let reset_seconds = left.num_milliseconds().max(1).unsigned_abs().div_ceil(1000);
        RateLimitStatus {
            limit,
            remaining: limit.saturating_sub(self.counted),
            reset_seconds: u32::try_from(reset_seconds).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grants_its_limit_and_opens_anew_after_a_second() {
        let start = DateTime::UNIX_EPOCH;
        let at = |milliseconds| start + TimeDelta::milliseconds(milliseconds);
        let mut window = Window::open(start);
        assert_eq!(
            window.count(2, at(0)),
            Ok(RateLimitStatus {
                limit: 2,
                remaining: 1,
                reset_seconds: 1
            })
        );
        assert_eq!(
            window.count(2, at(999)),
            Ok(RateLimitStatus {
                limit: 2,
                remaining: 0,
                reset_seconds: 1
            })
        );
        assert_eq!(
            window.count(2, at(999)),
            Err(RateLimitStatus {
                limit: 2,
                remaining: 0,
                reset_seconds: 1
            })
        );
        assert_eq!(
            window.count(2, at(1000)),
            Ok(RateLimitStatus {
                limit: 2,
                remaining: 1,
                reset_seconds: 1
            })
        );
        assert_eq!(
            window.rate_limit_status(2, at(2000)),
            RateLimitStatus {
                limit: 2,
                remaining: 2,
                reset_seconds: 0
            }
        );
    }
}
