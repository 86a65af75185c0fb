//! Problems that make a test run fail though its tests passed.

use std::collections::BTreeSet;
use std::str::FromStr;

use thiserror::Error;

use super::Report;
use crate::domain::note::{Grade, Note};

/// A kind of problem that a [`Report`] can have.
///
/// As text, it is a value of `--fail-on`: `no-requests`, `unmatched`, `server-error`, `note` for every note, or `note:` and a
/// grade or the id of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// There was no request at all.
    NoRequests,
    /// Requests that matched no operation.
    Unmatched,
    /// Responses with a status from 500 that no fault explains: bugs of the emulator.
    ServerError,
    /// One of these notes.
    Notes(Vec<Note>),
}

/// A text that is no [`ProblemKind`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidProblemKind {
    /// It is none of the words.
    #[error("must be `no-requests`, `unmatched`, `server-error`, `note`, `note:GRADE` or `note:ID`")]
    Unknown,
    /// What follows `note:` is neither a grade nor an id.
    #[error(
        "`{0}` is neither a grade ({grades}) nor a note ({notes})",
        grades = Grade::ALL.map(Grade::as_str).join(", "),
        notes = Note::ALL.iter().map(|note| note.id()).collect::<Vec<_>>().join(", ")
    )]
    UnknownNote(String),
}

impl FromStr for ProblemKind {
    type Err = InvalidProblemKind;

    fn from_str(text: &str) -> Result<ProblemKind, InvalidProblemKind> {
        match text {
            "no-requests" => Ok(ProblemKind::NoRequests),
            "unmatched" => Ok(ProblemKind::Unmatched),
            "server-error" => Ok(ProblemKind::ServerError),
            "note" => Ok(ProblemKind::Notes(Note::ALL.to_vec())),
            _ => {
                let word = text.strip_prefix("note:").ok_or(InvalidProblemKind::Unknown)?;
                let is_selected = |note: &&Note| note.id() == word || note.grade().as_str() == word;
                let notes: Vec<Note> = Note::ALL.iter().filter(is_selected).copied().collect();
                if notes.is_empty() {
                    return Err(InvalidProblemKind::UnknownNote(word.to_owned()));
                }
                Ok(ProblemKind::Notes(notes))
            }
        }
    }
}

impl Report {
    /// The problems of these kinds, each in a line for a person; empty if there are none.
    ///
    /// ```
    /// use yotpo_mock::{ProblemKind, YotpoMock};
    ///
    /// let yotpo = YotpoMock::start();
    /// let report = yotpo.report();
    /// assert_eq!(report.problems(&[ProblemKind::Unmatched, "note:assumed".parse()?]), [""; 0]);
    /// assert_eq!(report.problems(&[ProblemKind::NoRequests]), ["no-requests: none at all"]);
    /// # Ok::<_, yotpo_mock::InvalidProblemKind>(())
    /// ```
    pub fn problems(&self, kinds: &[ProblemKind]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut notes: BTreeSet<Note> = BTreeSet::new();
        for kind in kinds {
            match kind {
                ProblemKind::NoRequests if self.requests == 0 => problems.push("no-requests: none at all".to_owned()),
                ProblemKind::NoRequests => {}
                ProblemKind::Unmatched => {
                    problems.extend(self.unmatched.iter().map(|((path, method, status), count)| {
                        format!("unmatched: {method} {path} answered {status}{}", times(*count))
                    }));
                    if self.unmatched_more > 0 {
                        problems.push(format!("unmatched: further paths{}", times(self.unmatched_more)));
                    }
                }
                ProblemKind::ServerError if self.server_errors > 0 => problems.push(format!(
                    "server-error: an answer of 500 or above that no fault injected{}",
                    times(self.server_errors)
                )),
                ProblemKind::ServerError => {}
                ProblemKind::Notes(selected) => notes.extend(selected),
            }
        }
        for (note, counted) in self.notes.iter().filter(|(note, _)| notes.contains(note)) {
            let fields = Vec::from_iter(counted.fields.iter().map(String::as_str)).join(", ");
            let fields = if fields.is_empty() { fields } else { format!(": {fields}") };
            problems.push(format!("note:{} ({}){}{fields}", note.id(), note.grade().as_str(), times(counted.count)));
        }
        // A kind may be given twice.
        let mut seen = BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        problems
    }
}

fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(", {count} times") }
}
