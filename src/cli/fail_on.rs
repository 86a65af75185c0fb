//! What a run is not to have done, for `--fail-on`.

use std::str::FromStr;

use yotpo_mock::Report;
use yotpo_mock::note::Note;

/// What makes a run fail that has passed.
#[derive(Clone, Debug)]
pub enum FailOn {
    /// Requests that met no operation.
    Unmatched,
    /// Answers of 500 and above that no fault injected.
    ServerError,
    /// Notes: all of them, those of a grade, or one.
    Notes(Vec<Note>),
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<FailOn, String> {
        let notes = |is_meant: &dyn Fn(&Note) -> bool| Note::ALL.iter().copied().filter(is_meant).collect::<Vec<_>>();
        match text {
            "unmatched" => return Ok(FailOn::Unmatched),
            "server-error" => return Ok(FailOn::ServerError),
            "note" => return Ok(FailOn::Notes(notes(&|_| true))),
            _ => {}
        }
        let word = text
            .strip_prefix("note:")
            .ok_or("it is `unmatched`, `server-error`, `note`, `note:GRADE` or `note:ID`")?;
        let meant = notes(&|note| note.id() == word || note.grade().as_str() == word);
        if meant.is_empty() {
            let ids: Vec<_> = Note::ALL.iter().map(|note| note.id()).collect();
            return Err(format!(
                "`{word}` is neither a grade (assumed, deprecated, tolerated, coerced) nor a note ({})",
                ids.join(", ")
            ));
        }
        Ok(FailOn::Notes(meant))
    }
}

/// What a report holds of what a run is not to have done, a line each.
pub fn find(report: &Report, kinds: &[FailOn]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for kind in kinds {
        let found: Vec<String> = match kind {
            FailOn::Unmatched => {
                let unmatched = report.unmatched().into_iter();
                unmatched
                    .map(|found| {
                        format!(
                            "unmatched: {} {} answered {}{}",
                            found.method,
                            found.path,
                            found.status,
                            times(found.count)
                        )
                    })
                    .collect()
            }
            FailOn::ServerError if report.server_errors() > 0 => vec![format!(
                "server-error: an answer of 500 or above that no fault injected{}",
                times(report.server_errors())
            )],
            FailOn::ServerError => Vec::new(),
            FailOn::Notes(meant) => {
                let notes = report.notes().into_iter().filter(|(note, _)| meant.contains(note));
                notes
                    .map(|(note, count)| format!("note:{} ({}){}", note.id(), note.grade().as_str(), times(count)))
                    .collect()
            }
        };
        // Two kinds may mean the same note.
        lines.extend(
            found
                .into_iter()
                .filter(|line| !lines.contains(line))
                .collect::<Vec<_>>(),
        );
    }
    lines
}

fn times(count: u64) -> String {
    if count == 1 {
        String::new()
    } else {
        format!(", {count} times")
    }
}
