//! Assertions on the number of matching requests, and the messages of their failures.

use super::listing::summarize;
use super::{Requests, panic_incomplete};
use crate::domain::text::truncate;
use crate::mock::print_warnings;
use crate::world::match_warnings::match_warnings;
use crate::world::matching::Difference;
use crate::world::verification::{self, Times, VerificationError, VerificationFailure};

impl Requests {
    /// Asserts that there are exactly `count` requests. Panics if not, and as [`count`](Requests::count) does.
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        self.assert(Times::Exactly(count as u64));
    }

    /// Asserts that there are no requests. Panics if not, and as [`count`](Requests::count) does.
    #[track_caller]
    pub fn assert_none(&self) {
        self.assert(Times::Exactly(0));
    }

    /// Asserts that there are `count` requests or more. Panics if not, and as [`count`](Requests::count) does.
    #[track_caller]
    pub fn assert_at_least(&self, count: usize) {
        self.assert(Times::AtLeast(count as u64));
    }

    /// Asserts that there are `count` requests or fewer. Panics if not, and as [`count`](Requests::count) does.
    #[track_caller]
    pub fn assert_at_most(&self, count: usize) {
        self.assert(Times::Between(0, count as u64));
    }

    #[track_caller]
    fn assert(&self, times: Times) {
        self.check_filter();
        print_warnings(match_warnings(&self.expected));
        match verification::verify(&self.world.journal, &self.expected, self.after, times) {
            Ok(_) => {}
            Err(VerificationError::Failed(failure)) => panic!("{}", self.failure_message(times, &failure)),
            Err(VerificationError::Incomplete(error)) => panic_incomplete(error),
        }
    }

    fn failure_message(&self, times: Times, failure: &VerificationFailure) -> String {
        let VerificationFailure { matched, nearest } = failure;
        let found = match matched {
            0 => "none".to_owned(),
            matched => matched.to_string(),
        };
        let mut message = format!("expected {times}{}, found {found}", self.description());
        let has_differences = nearest.iter().any(|(_, differences)| !differences.is_empty());
        message.push_str(match nearest.is_empty() {
            true if *matched == 0 => " and no similar request",
            true => "",
            false if has_differences => "; nearest requests:",
            false => ":",
        });
        for (entry, differences) in nearest {
            message.push_str("\n  ");
            message.push_str(&summarize(entry));
            for Difference { path, expected, found } in differences {
                let in_words = |value: &serde_json::Value| match value.is_null() {
                    true => "nothing".to_owned(),
                    false => truncate(value),
                };
                let (expected, found) = (in_words(expected), in_words(found));
                message.push_str(&format!("\n     `{path}`: expected {expected}, found {found}"));
            }
        }
        message
    }
}
