//! Dates and times as the vendor reads and writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

/// The form in which every time goes out: UTC, to the second, without a zone.
const WIRE_FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// The forms of a time of day that are read, after the date and a `T`; a zone may follow.
const TIMES: [&str; 2] = ["%H:%M:%S%.f", "%H:%M"];

/// Reads an ISO 8601 date, or date and time, and puts it in UTC.
///
/// A time without a zone is taken as UTC and a date alone as midnight, since clients send back what they read.
/// `None` for every other text, and for a time whose year in UTC does not have four digits.
///
/// Source: contract, "The customer", account_created_at (documented; the readings without a zone are assumed).
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked("2021-03-27".len())?;
    let well_formed = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !well_formed {
        return None;
    }
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let moment = match rest.strip_prefix('T') {
        None if rest.is_empty() => date.and_time(NaiveTime::MIN).and_utc(),
        None => return None,
        Some(time) => time_in_utc(date, time)?,
    };
    (0..=9999).contains(&moment.year()).then_some(moment)
}

fn time_in_utc(date: NaiveDate, text: &str) -> Option<DateTime<Utc>> {
    // chrono forgives white space and signs in places where ISO 8601 does not.
    if !text.starts_with(|first: char| first.is_ascii_digit()) || text.contains(char::is_whitespace) {
        return None;
    }
    if let Some(local) = text.strip_suffix('Z') {
        return Some(date.and_time(time_of_day(local)?).and_utc());
    }
    match text.find(['+', '-']) {
        None => Some(date.and_time(time_of_day(text)?).and_utc()),
        Some(at) => {
            let (local, zone) = text.split_at(at);
            let offset = zone_minutes(zone)?;
            let local: NaiveDateTime = date.and_time(time_of_day(local)?);
            Some(local.checked_sub_signed(chrono::TimeDelta::minutes(offset))?.and_utc())
        }
    }
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    // chrono takes one digit where ISO 8601 asks for two.
    let whole = text.split('.').next()?;
    if !whole.split(':').all(|part| part.len() == 2) {
        return None;
    }
    let time = TIMES
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(text, format).ok())?;
    // Readers of what goes out know no leap second, which chrono keeps as an overlong nanosecond.
    (time.nanosecond() < 1_000_000_000).then_some(time)
}

/// Reads `+02:00`, `+0200` or `+02` as minutes east of UTC.
fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, digits) = zone.split_at(1);
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let two_digits = |text: &str| -> Option<i64> {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let east = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    Some(if sign == "-" { -east } else { east })
}

/// Writes a time as the vendor does: `2021-03-27T04:37:34`.
pub fn render(moment: DateTime<Utc>) -> String {
    moment.format(WIRE_FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_form_comes_out_in_utc_to_the_second() {
        for (text, rendered) in [
            ("2021-03-27T04:37:34", "2021-03-27T04:37:34"),
            ("2021-03-27T04:37:34Z", "2021-03-27T04:37:34"),
            ("2021-03-27T04:37:34.987Z", "2021-03-27T04:37:34"),
            ("2021-03-27T04:37:34+02:00", "2021-03-27T02:37:34"),
            ("2021-03-27T04:37:34-0230", "2021-03-27T07:07:34"),
            ("2021-03-27T23:30-01", "2021-03-28T00:30:00"),
            ("2021-03-27T04:37", "2021-03-27T04:37:00"),
            ("2021-03-27", "2021-03-27T00:00:00"),
            ("2020-02-29", "2020-02-29T00:00:00"),
        ] {
            assert_eq!(parse(text).map(render).as_deref(), Some(rendered), "{text}");
        }
    }

    #[test]
    fn everything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2021-3-27",
            "2021-02-29",
            "2021-03-27 04:37:34",
            "2021-03-27T",
            "2021-03-27T25:00:00",
            "2021-03-27T04:37:34+2:00",
            "2021-03-27T04:37:34+24:00",
            "2021-03-27T04:37:34ZZ",
            "2021-03-27T04:37:34+é",
            "2021-03-27T4:37:34",
            "2021-03-27T04:7:34",
            "2021-03-27T04:37:4",
            "2021-03-27T04:37:34.",
            "2021-03-27T04",
            "2016-12-31T23:59:60Z",
            "+2021-03-27",
            "27/03/2021",
            "1616819854",
            "2021-03-27T04:37:34 Z",
            "0000-01-01T00:00:00+12:00",
            "9999-12-31T23:59:59-12:00",
            "２０２１-03-27",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
