//! The rate limit of a store.
//!
//! Source: contract, "Rate limit" (5 requests per second and store and the headers are documented, the window is assumed).

use chrono::{DateTime, TimeDelta, Utc};

/// Yotpo's limit, in requests per second and store.
pub const YOTPO_LIMIT: u32 = 5;

/// How long a window stays open.
const WINDOW: TimeDelta = TimeDelta::seconds(1);

/// The values of the rate limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Requests per window.
    pub limit: u32,
    /// Requests that are left.
    pub remaining: u32,
    /// Whole seconds until the window closes, rounded up.
    pub reset_seconds: u32,
}

impl RateLimitStatus {
    /// The status without an open window. A limit of 0 turns the rate limit off and shows as [`YOTPO_LIMIT`].
    pub fn unused(limit: u32) -> RateLimitStatus {
        let limit = if limit == 0 { YOTPO_LIMIT } else { limit };
        RateLimitStatus { limit, remaining: limit, reset_seconds: 0 }
    }
}

/// The second that begins with the first counted request of a store.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub opened_at: DateTime<Utc>,
    /// The number of requests counted since.
    pub counted: u32,
}

impl Window {
    /// A window that opens now.
    pub fn new(now: DateTime<Utc>) -> Window {
        Window { opened_at: now, counted: 0 }
    }

    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.opened_at + WINDOW
    }

    /// Counts one request; opens the window again if it was over.
    ///
    /// # Errors
    ///
    /// The status with nothing remaining, if the limit was reached before.
    pub fn count(&mut self, limit: u32, now: DateTime<Utc>) -> Result<RateLimitStatus, RateLimitStatus> {
        if self.is_over(now) {
            *self = Window::new(now);
        }
        if self.counted >= limit {
            return Err(self.status(limit, now));
        }
        self.counted += 1;
        Ok(self.status(limit, now))
    }

    /// The status, without counting.
    pub fn status(&self, limit: u32, now: DateTime<Utc>) -> RateLimitStatus {
        if self.is_over(now) {
            return RateLimitStatus::unused(limit);
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
    fn a_window_grants_its_limit_and_opens_again_after_a_second() {
        let start = DateTime::UNIX_EPOCH;
        let at = |milliseconds| start + TimeDelta::milliseconds(milliseconds);
        let status = |remaining, reset_seconds| RateLimitStatus { limit: 2, remaining, reset_seconds };
        let mut window = Window::new(start);
        assert_eq!(window.count(2, at(0)), Ok(status(1, 1)));
        assert_eq!(window.count(2, at(999)), Ok(status(0, 1)));
        assert_eq!(window.count(2, at(999)), Err(status(0, 1)));
        assert_eq!(window.count(2, at(1000)), Ok(status(1, 1)));
        assert_eq!(window.status(2, at(2000)), status(2, 0));
    }
}
