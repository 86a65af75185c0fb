//! Access tokens: who may call a store, and for how long.
//!
//! Source: contract, "Tokens" (14 days, several valid at once: documented; the form of a token is ours).

use chrono::{DateTime, TimeDelta, Utc};
use imbl::Vector;
use percent_encoding::percent_decode_str;

use super::text::percent_encode;

/// How long a token is valid.
pub const LIFETIME: TimeDelta = TimeDelta::days(14);

/// The start of every token, by which logs recognize and redact it.
pub const PREFIX: &str = "ymt_";

/// An issued token: the n-th of its store. Its text holds both, so that runs repeat and no two stores share a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub store: String,
    /// Counted from zero in each store.
    pub number: usize,
}

impl Token {
    /// The text that a client sends: `ymt_`, the number, `_`, and the percent-encoded id of the store.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.number, percent_encode(&self.store))
    }

    /// Parses a text that this emulator may have issued; `None` for every other text.
    pub fn parse(text: &str) -> Option<Token> {
        let (number, store) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let token =
            Token { store: percent_decode_str(store).decode_utf8().ok()?.into_owned(), number: number.parse().ok()? };
        // There is one spelling of each token.
        (token.text() == text).then_some(token)
    }
}

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenStatus {
    Valid,
    Expired,
    NeverIssued,
}

/// The secret and the tokens of one store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Credentials {
    /// The secret that a token call must send; without one, any non-empty secret is accepted.
    pub secret: Option<String>,
    /// The number of tokens, from the first, that have expired and are no longer stored.
    forgotten: usize,
    /// When each of the other tokens expires, in the order of issue.
    expiries: Vector<DateTime<Utc>>,
}

impl Credentials {
    pub fn new(secret: Option<String>) -> Credentials {
        Credentials { secret, ..Credentials::default() }
    }

    /// The number of tokens, from the first, that have expired and are no longer stored.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// When each of the other tokens expires, in the order of issue.
    pub fn expiries(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.expiries.iter().copied()
    }

    /// Restores the issued tokens.
    pub fn restore(&mut self, forgotten: usize, expiries: impl IntoIterator<Item = DateTime<Utc>>) {
        self.forgotten = forgotten;
        self.expiries = expiries.into_iter().collect();
    }

    pub fn accepts(&self, secret: &str) -> bool {
        match &self.secret {
            Some(expected) => secret == expected,
            None => !secret.is_empty(),
        }
    }

    /// Issues the next token of the store; returns its number.
    pub fn issue(&mut self, now: DateTime<Utc>) -> usize {
        while self.expiries.front().is_some_and(|expiry| *expiry <= now) {
            self.expiries.pop_front();
            self.forgotten += 1;
        }
        self.expiries.push_back(now + LIFETIME);
        self.forgotten + self.expiries.len() - 1
    }

    /// Lets an issued token expire now.
    pub fn expire(&mut self, number: usize, now: DateTime<Utc>) {
        let index = number.checked_sub(self.forgotten);
        if let Some(expiry) = index.and_then(|index| self.expiries.get_mut(index)) {
            *expiry = now.min(*expiry);
        }
    }

    pub fn status(&self, number: usize, now: DateTime<Utc>) -> TokenStatus {
        let Some(index) = number.checked_sub(self.forgotten) else {
            return TokenStatus::Expired;
        };
        match self.expiries.get(index) {
            None => TokenStatus::NeverIssued,
            Some(expiry) if now < *expiry => TokenStatus::Valid,
            Some(_) => TokenStatus::Expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_parsed_back_and_no_other_text_is() {
        let token = |store: &str| Token { store: store.to_owned(), number: 7 };
        for store in ["shop", "a_b/c é", "%41", ""] {
            let text = token(store).text();
            assert_eq!(Token::parse(&text), Some(token(store)));
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        assert_eq!(token("my-shop.eu").text(), "ymt_7_my-shop.eu");
        for text in ["ymt_07_shop", "ymt_+7_shop", "ymt_7_%73hop", "ymt_7", "7_shop", "anything"] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }
}
