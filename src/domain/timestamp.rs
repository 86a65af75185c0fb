//! Dates and times in Yotpo's formats.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Timelike, Utc};

/// Parses an ISO 8601 date, or date and time.
///
/// A time without a zone is in UTC and a date alone is midnight, since clients send back the times that they read. Returns `None`
/// for any other text, and for a time whose year in UTC does not have four digits.
///
/// Source: contract, "The customer", account_created_at (documented; the meaning without a zone is assumed).
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked("2021-03-27".len())?;
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let time = match rest.strip_prefix('T') {
        None if rest.is_empty() => date.and_time(NaiveTime::MIN).and_utc(),
        None => return None,
        Some(time) => time_in_utc(date, time)?,
    };
    (0..=9999).contains(&time.year()).then_some(time)
}

fn time_in_utc(date: NaiveDate, text: &str) -> Option<DateTime<Utc>> {
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

/// Parses `04:37`, `04:37:34` or `04:37:34.987`. Fractions are dropped, and leap seconds are rejected.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next();
    let has_fraction = whole.len() < text.len();
    if parts.next().is_some() || (second.is_none() && has_fraction) {
        return None;
    }
    digits(fraction, fraction.len())?;
    NaiveTime::from_hms_opt(hour, minute, digits(second.unwrap_or("00"), 2)?)
}

/// Parses exactly `count` digits; `u32::MAX` stands for a larger number.
fn digits(text: &str, count: usize) -> Option<u32> {
    let all_digits = !text.is_empty() && text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// Parses `+02:00`, `+0200` or `+02` to minutes east of UTC.
fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, offset) = zone.split_at(1);
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 => offset.split_at_checked(2)?,
        5 => offset.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (i64::from(digits(hours, 2)?), i64::from(digits(minutes, 2)?));
    let east = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    Some(if sign == "-" { -east } else { east })
}

/// Renders a time as Yotpo does: `2021-03-27T04:37:34`.
pub fn render(time: DateTime<Utc>) -> String {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Renders a time as the control API does: RFC 3339 in UTC, with a fraction if it has one.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_form_is_rendered_in_utc_to_the_second() {
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
    fn other_texts_are_rejected() {
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
