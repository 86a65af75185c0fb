//! The error of a seed or a state document that cannot be read: the mistakes in it, each with its place.

use std::fmt;

use super::clock::LAST_YEAR;
use super::strict_json::InvalidJson;
use crate::domain::json::{MAX_DEPTH, describe};
use crate::domain::store::{MAX_NUMBER, RestoreError};
use crate::domain::text::pluralize;
use crate::domain::validation::InvalidField;

/// The number of mistakes after which reading ends.
const MAX_MISTAKES: usize = 20;

/// The mistakes in a document, in the order of their places; there is at least one.
#[derive(Debug)]
pub struct InvalidDocument(Vec<Mistake>);

/// A mistake in a document. `path` leads to the value: `stores[0].customers[1]`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("it holds no JSON value")]
    Empty,
    #[error("it must be an object")]
    NoObject,
    #[error(transparent)]
    Structure(#[from] InvalidJson),
    #[error(transparent)]
    Field(#[from] InvalidField),
    #[error("line {line}: {mistake}")]
    InLine { line: usize, mistake: Box<Mistake> },
    #[error("each value must have either `stores`, or `store` beside `secret`, `customer` or `event`")]
    WrongKeys,
    #[error("{path} is empty")]
    EmptyId { path: String },
    #[error("the secret of store `{store}` is empty")]
    EmptySecret { store: String },
    #[error("store `{store}` is declared with two different secrets")]
    TwoSecrets { store: String },
    #[error(
        "store `{store}` needs a `secret`: the emulated API only accepts stores that have one, since other stores have one"
    )]
    UnreachableStore { store: String },
    #[error("{path} must be an object")]
    NotAnObject { path: String },
    #[error("{path} is nested deeper than {MAX_DEPTH} levels")]
    TooDeep { path: String },
    #[error("{path}: {}", describe(source))]
    Malformed { path: String, source: serde_json::Error },
    #[error("{path}.external_id `{id}` is already that of another customer of store `{store}`")]
    DuplicateCustomer { path: String, id: String, store: String },
    #[error("{path}.customer is not a customer of store `{store}` that precedes the event")]
    UnknownCustomer { path: String, store: String },
    #[error("{path}.id `{id}` is already that of another store")]
    DuplicateStore { path: String, id: String },
    #[error("it does not have store `{store}`")]
    MissingStore { store: String },
    #[error("{path} is not a field that a pending write may have")]
    UnknownField { path: String },
    #[error("clock must have `frozen`: true beside `now`, or `frozen`: false beside `ahead`")]
    ClockMode,
    #[error("clock must stay between the years 0 and {LAST_YEAR}")]
    ClockYear,
    #[error("{path} is too long")]
    TooLong { path: String },
    #[error("{path} must not be negative")]
    Negative { path: String },
    #[error("{path} must be a time")]
    NoTime { path: String },
    #[error("{path} is `{text}`, and must be a time such as `2026-01-01T00:00:00Z`")]
    InvalidTime { path: String, text: String },
    #[error("{path} is `{text}`, whose year must have four digits")]
    Year { path: String, text: String },
    #[error("{path} must be a whole number up to {MAX_NUMBER}")]
    Number { path: String },
    #[error("{path}{source}")]
    Restore { path: String, source: RestoreError },
}

impl InvalidDocument {
    /// The same mistakes, all on one line.
    pub(super) fn in_line(self, line: usize) -> InvalidDocument {
        let in_line = |mistake| Mistake::InLine { line, mistake: Box::new(mistake) };
        InvalidDocument(self.0.into_iter().map(in_line).collect())
    }
}

impl<M: Into<Mistake>> From<M> for InvalidDocument {
    fn from(mistake: M) -> InvalidDocument {
        InvalidDocument(vec![mistake.into()])
    }
}

impl From<Vec<InvalidField>> for InvalidDocument {
    fn from(fields: Vec<InvalidField>) -> InvalidDocument {
        InvalidDocument(fields.into_iter().map(Mistake::Field).collect())
    }
}

impl fmt::Display for InvalidDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [mistake] => mistake.fmt(f),
            mistakes => {
                let more = if mistakes.len() == MAX_MISTAKES { " at least" } else { "" };
                write!(f, "it has{more} {}:", pluralize(mistakes.len() as u64, "mistake"))?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n- {mistake}"))
            }
        }
    }
}

impl std::error::Error for InvalidDocument {}

/// Collects the mistakes of a document that is read on after each.
#[derive(Default)]
pub(super) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// The value of a result; its mistakes are kept.
    pub fn keep<T>(&mut self, result: Result<T, InvalidDocument>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(InvalidDocument(mistakes)) => {
                let room = MAX_MISTAKES - self.0.len();
                self.0.extend(mistakes.into_iter().take(room));
                None
            }
        }
    }

    pub fn add(&mut self, mistake: Mistake) {
        self.keep::<()>(Err(mistake.into()));
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_MISTAKES
    }

    /// The value, unless there are mistakes.
    pub fn finish<T>(self, value: T) -> Result<T, InvalidDocument> {
        if self.0.is_empty() { Ok(value) } else { Err(InvalidDocument(self.0)) }
    }
}
