//! `--fail-on`: problems that make a run fail though its command succeeded.

use std::collections::HashSet;
use std::str::FromStr;

use yotpo_mock::Report;
use yotpo_mock::note::Note;

use super::values::InvalidValue;

/// A kind of problem.
#[derive(Clone, Debug)]
pub enum FailOn {
    /// Not a single request.
    NoRequests,
    /// Requests that match no operation.
    Unmatched,
    /// Answers of 500 and above that no fault injected.
    ServerError,
    /// Any of these notes.
    Notes(Vec<Note>),
}

impl FromStr for FailOn {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<FailOn, InvalidValue> {
        match text {
            "no-requests" => return Ok(FailOn::NoRequests),
            "unmatched" => return Ok(FailOn::Unmatched),
            "server-error" => return Ok(FailOn::ServerError),
            "note" => return Ok(FailOn::Notes(Note::ALL.to_vec())),
            _ => {}
        }
        let word = text.strip_prefix("note:").ok_or(InvalidValue::FailOn)?;
        let is_selected = |note: &&Note| note.id() == word || note.grade().as_str() == word;
        let notes: Vec<Note> = Note::ALL.iter().filter(is_selected).copied().collect();
        if notes.is_empty() {
            let known = Note::ALL.iter().map(|note| note.id()).collect();
            let word = word.to_owned();
            return Err(InvalidValue::UnknownNote { word, known });
        }
        Ok(FailOn::Notes(notes))
    }
}

/// The problems of these kinds in a report, one line each.
pub fn find(report: &Report, kinds: &[FailOn]) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in kinds {
        match kind {
            FailOn::NoRequests if report.requests() == 0 => lines.push("no-requests: none at all".to_owned()),
            FailOn::NoRequests => {}
            FailOn::Unmatched => lines.extend(report.unmatched().into_iter().map(|request| {
                let (method, path, status) = (request.method, request.path, request.status);
                format!("unmatched: {method} {path} answered {status}{}", times(request.count))
            })),
            FailOn::ServerError if report.server_errors() > 0 => lines.push(format!(
                "server-error: an answer of 500 or above that no fault injected{}",
                times(report.server_errors())
            )),
            FailOn::ServerError => {}
            FailOn::Notes(selected) => {
                let notes = report.notes().into_iter().filter(|(note, _)| selected.contains(note));
                lines.extend(notes.map(|(note, count)| {
                    let fields = report.note_fields(note);
                    let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
                    format!("note:{} ({}){}{fields}", note.id(), note.grade().as_str(), times(count))
                }));
            }
        }
    }
    // Two kinds may select the same note.
    let mut seen = HashSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(", {count} times") }
}
