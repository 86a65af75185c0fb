//! Access tokens: who may call a store, and for how long.
//!
//! Source: contract, "Tokens" (14 days, several valid at once: documented; the form of a token is ours).

use chrono::{DateTime, TimeDelta, Utc};
use imbl::Vector;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

/// How long a token lives.
pub const LIFETIME: TimeDelta = TimeDelta::days(14);

/// Begins every token, so that a reader of a log knows where it comes from.
const PREFIX: &str = "ymt";

/// What the ids of tokens are derived under; any constant would do.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f6b_6c5e_7a0d_5b54_9c1f_59a3_7d1e_04c7);

/// A token by its place in the order of issue. Its text holds the id of its store, so that no two stores share one, and
/// runs repeat: the n-th token of a store is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub store: String,
    /// Counted from zero in each store.
    pub number: usize,
}

impl Token {
    /// The text that a client sends: letters, digits, `_`, `-`, `.`, `~` and `%` only.
    pub fn text(&self) -> String {
        let id = Uuid::new_v5(&NAMESPACE, format!("{}/{}", self.number, self.store).as_bytes());
        let store = utf8_percent_encode(&self.store, NON_ALPHANUMERIC);
        format!("{PREFIX}_{}_{}_{store}", id.simple(), self.number)
    }

    /// Reads a text that this emulator may have issued; `None` for every other.
    pub fn parse(text: &str) -> Option<Token> {
        let [prefix, _id, number, store] = *text.splitn(4, '_').collect::<Vec<_>>() else {
            return None;
        };
        if prefix != PREFIX {
            return None;
        }
        let store = percent_decode_str(store).decode_utf8().ok()?.into_owned();
        let token = Token {
            store,
            number: number.parse().ok()?,
        };
        (token.text() == text).then_some(token)
    }
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenStatus {
    Valid,
    Expired,
    NeverIssued,
}

/// What guards one store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Credentials {
    /// What a token call must send; where there is none, any non-empty one is good.
    pub secret: Option<String>,
    /// How many of the first tokens have expired and are no longer kept.
    forgotten: usize,
    /// When each of the others expires, in the order of issue.
    expiries: Vector<DateTime<Utc>>,
}

impl Credentials {
    /// The credentials of a store that has issued no token yet.
    pub fn new(secret: Option<String>) -> Credentials {
        Credentials {
            secret,
            ..Credentials::default()
        }
    }

    /// How many of the first tokens have expired and are no longer kept.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// When each of the others expires, in the order of issue.
    pub fn expiries(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.expiries.iter().copied()
    }

    /// Puts back which tokens were issued.
    pub fn restore(&mut self, forgotten: usize, expiries: impl IntoIterator<Item = DateTime<Utc>>) {
        self.forgotten = forgotten;
        self.expiries = expiries.into_iter().collect();
    }

    /// Whether a secret opens the store.
    pub fn accept(&self, secret: &str) -> bool {
        match &self.secret {
            Some(expected) => secret == expected,
            None => !secret.is_empty(),
        }
    }

    /// Issues the next token of the store, as its number.
    pub fn issue(&mut self, now: DateTime<Utc>) -> usize {
        while self.expiries.front().is_some_and(|expiry| *expiry <= now) {
            self.expiries.pop_front();
            self.forgotten += 1;
        }
        self.expiries.push_back(now + LIFETIME);
        self.forgotten + self.expiries.len() - 1
    }

    /// Lets a token that was issued be dead from now on.
    pub fn expire(&mut self, number: usize, now: DateTime<Utc>) {
        if let Some(expiry) = number
            .checked_sub(self.forgotten)
            .and_then(|kept| self.expiries.get_mut(kept))
        {
            *expiry = now.min(*expiry);
        }
    }

    pub fn status(&self, number: usize, now: DateTime<Utc>) -> TokenStatus {
        let Some(kept) = number.checked_sub(self.forgotten) else {
            return TokenStatus::Expired;
        };
        match self.expiries.get(kept) {
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
    fn a_token_is_read_back_and_no_other_text_is() {
        for store in ["shop", "a_b/c é", "%41", ""] {
            let token = Token {
                store: store.into(),
                number: 7,
            };
            assert_eq!(Token::parse(&token.text()), Some(token.clone()));
            assert!(token.text().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        let text = Token {
            store: "shop".into(),
            number: 7,
        }
        .text();
        assert_eq!(Token::parse(&text.replace("_7_", "_8_")), None);
        assert_eq!(Token::parse(&text.replace("shop", "%73hop")), None);
        assert_eq!(Token::parse("anything"), None);
    }
}
