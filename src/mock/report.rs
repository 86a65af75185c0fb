//! What was counted, as a Rust test sees it.

use std::fmt;

use serde_json::Value;

use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::world::report::RequestCounts;
use crate::world::text::pluralize;

/// What was counted until now, of one store or of all; it does not go on counting. Unlike the journal it forgets nothing.
///
/// ```
/// use yotpo_mock::YotpoMock;
///
/// let yotpo = YotpoMock::start();
/// // …a whole suite runs, and then:
/// let report = yotpo.report();
/// assert_eq!(report.server_errors(), 0);
/// assert!(report.unmatched().is_empty(), "{:?}", report.unmatched());
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    tally: RequestCounts,
}

/// Requests that met no operation.
///
/// ```
/// # let yotpo = yotpo_mock::YotpoMock::start();
/// for unmatched in yotpo.report().unmatched() {
///     println!("{} {}: {} times", unmatched.method, unmatched.path, unmatched.count);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The method, as it was sent.
    pub method: String,
    /// The path without the query; cut after 512 bytes.
    pub path: String,
    /// What it was answered with: 404, 405 or 501.
    pub status: u16,
    /// How often it came.
    pub count: u64,
}

impl Report {
    pub(super) fn of(tally: RequestCounts) -> Report {
        Report { tally }
    }

    /// All requests.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().requests(), 0);
    /// ```
    pub fn requests(&self) -> u64 {
        self.tally.requests
    }

    /// Calls of an operation, however they were answered.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # use yotpo_mock::Operation;
    /// assert_eq!(yotpo.report().calls(Operation::UpsertCustomer), 0);
    /// ```
    pub fn calls(&self, operation: Operation) -> u64 {
        let calls = self.tally.calls.iter().filter(|((called, _), _)| *called == operation);
        calls.map(|(_, count)| count).sum()
    }

    /// Calls of an operation that were answered with a status; 0 stands for those that were left without an answer.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # use yotpo_mock::Operation;
    /// assert_eq!(yotpo.report().calls_with(Operation::UpsertCustomer, 429), 0);
    /// ```
    pub fn calls_with(&self, operation: Operation, status: u16) -> u64 {
        self.tally.calls.get(&(operation, status)).copied().unwrap_or(0)
    }

    /// The operations that nobody has called.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # use yotpo_mock::Operation;
    /// assert_eq!(yotpo.report().never_called(), Operation::ALL);
    /// ```
    pub fn never_called(&self) -> Vec<Operation> {
        self.tally.never_called().collect()
    }

    /// How often a [rule](crate::rule) has refused something, by its id.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().refusals("token.expired"), 0);
    /// ```
    pub fn refusals(&self, rule: &str) -> u64 {
        self.tally.refusals.get(rule).copied().unwrap_or(0)
    }

    /// What was leaned on, and how often.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::note::Grade;
    ///
    /// let assumed = yotpo.report().notes().into_iter().filter(|(note, _)| note.grade() == Grade::Assumed);
    /// assert_eq!(assumed.count(), 0);
    /// ```
    pub fn notes(&self) -> Vec<(Note, u64)> {
        self.tally.notes.iter().map(|(note, count)| (*note, *count)).collect()
    }

    /// Requests that met no operation, by path and method: the first hundred of each store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.report().unmatched().is_empty());
    /// ```
    pub fn unmatched(&self) -> Vec<Unmatched> {
        let unmatched = self.tally.unmatched.iter().map(|(unmatched, count)| Unmatched {
            method: unmatched.method.clone(),
            path: unmatched.path.clone(),
            status: unmatched.status,
            count: *count,
        });
        unmatched.collect()
    }

    /// Answers of 500 and above that no fault has injected and that do not say that something is not emulated: bugs.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().server_errors(), 0);
    /// ```
    pub fn server_errors(&self) -> u64 {
        self.tally.server_errors
    }

    /// Refusals that name no rule.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().malformed_requests(), 0);
    /// ```
    pub fn malformed_requests(&self) -> u64 {
        self.tally.malformed_requests
    }

    /// Requests that a fault struck.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().injected(), 0);
    /// ```
    pub fn injected(&self) -> u64 {
        self.tally.injected
    }

    /// As `GET /_mock/report` tells it.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// println!("{:#}", yotpo.report().to_json());
    /// ```
    pub fn to_json(&self) -> Value {
        self.tally.to_json()
    }
}

/// In a few lines, to end a run with: what was called, what was refused, what was leaned on and what was not found.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestCounts {
            requests,
            calls,
            refusals,
            notes,
            injected,
            server_errors,
            ..
        } = &self.tally;
        write!(
            f,
            "{}, {injected} struck by faults, {server_errors} errors of the emulator",
            pluralize(*requests, "request")
        )?;
        for ((operation, status), count) in calls {
            write!(f, "\n  {} answered {status}: {count}", operation.as_str())?;
        }
        for (rule, count) in refusals {
            write!(f, "\n  refused by {rule}: {count}")?;
        }
        for (note, count) in notes {
            write!(f, "\n  {} {}: {count}", note.grade().as_str(), note.id())?;
        }
        for unmatched in self.unmatched() {
            let Unmatched {
                method,
                path,
                status,
                count,
            } = unmatched;
            write!(f, "\n  no operation {method} {path} answered {status}: {count}")?;
        }
        Ok(())
    }
}
