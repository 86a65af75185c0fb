//! Access tokens: who may call a store, and for how long.
//!
//! Source: contract, "Tokens" (14 days, several valid at once: documented; the form of a token is ours).

use chrono::{DateTime, TimeDelta, Utc};
use imbl::Vector;
use percent_encoding::percent_decode_str;
use uuid::{Uuid, uuid};

use super::text::percent_encode;

/// How long a token is valid.
pub const LIFETIME: TimeDelta = TimeDelta::days(14);

/// The start of every token, by which logs recognize and redact it.
pub const PREFIX: &str = "ymt_";

/// The namespace of the signatures.
const NAMESPACE: Uuid = uuid!("6a1f0f0e-3c55-4a53-9d1c-6a3b8d1b7f42");

/// An issued token: the n-th of its store. Its text holds both, so that runs repeat and no two stores share a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub store: String,
    /// Counted from zero in each store.
    number: usize,
    /// Depends on the store's secret, so that nobody can guess a token without it.
    signature: u64,
}

impl Token {
    /// The n-th token of a store with a secret.
    pub fn new(store: &str, number: usize, secret: Option<&str>) -> Token {
        let secret = secret.unwrap_or_default();
        let signed = Uuid::new_v5(&NAMESPACE, format!("{number}\0{store}\0{secret}").as_bytes());
        Token { store: store.to_owned(), number, signature: signed.as_u64_pair().0 }
    }

    /// The text that a client sends: `ymt_`, the number, the percent-encoded id of the store, and the signature.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}_{}_{:016x}", self.number, percent_encode(&self.store), self.signature)
    }

    /// Parses a text that this emulator may have issued; `None` for every other text.
    pub fn parse(text: &str) -> Option<Token> {
        let (number, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (store, signature) = rest.rsplit_once('_')?;
        let token = Token {
            store: percent_decode_str(store).decode_utf8().ok()?.into_owned(),
            number: number.parse().ok()?,
            signature: u64::from_str_radix(signature, 16).ok()?,
        };
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

    /// Issues the next token of the store.
    pub fn issue(&mut self, store: &str, now: DateTime<Utc>) -> Token {
        while self.expiries.front().is_some_and(|expiry| *expiry <= now) {
            self.expiries.pop_front();
            self.forgotten += 1;
        }
        self.expiries.push_back(now + LIFETIME);
        self.token(store, self.forgotten + self.expiries.len() - 1)
    }

    fn token(&self, store: &str, number: usize) -> Token {
        Token::new(store, number, self.secret.as_deref())
    }

    /// Lets an issued token expire now.
    pub fn expire(&mut self, token: &Token, now: DateTime<Utc>) {
        if self.status(token, now) == TokenStatus::Valid {
            self.expiries[token.number - self.forgotten] = now;
        }
    }

    pub fn status(&self, token: &Token, now: DateTime<Utc>) -> TokenStatus {
        if *token != self.token(&token.store, token.number) {
            return TokenStatus::NeverIssued;
        }
        let Some(index) = token.number.checked_sub(self.forgotten) else {
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
        let token = |store: &str| Token::new(store, 7, Some("s3cret"));
        for store in ["shop", "a_b/c é", "%41", ""] {
            let text = token(store).text();
            assert_eq!(Token::parse(&text), Some(token(store)));
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        let text = token("shop").text();
        let signature = text.strip_prefix("ymt_7_shop_").expect("the number and the store");
        for text in ["ymt_07_shop", "ymt_+7_shop", "ymt_7_%73hop", "ymt_7", "7_shop"] {
            assert_eq!(Token::parse(&format!("{text}_{signature}")), None, "{text}");
        }
        assert_eq!(Token::parse("ymt_7_shop"), None);
        assert_eq!(Token::parse(&text.to_uppercase()), None);
    }

    #[test]
    fn a_token_cannot_be_guessed_without_the_secret() {
        let now = DateTime::UNIX_EPOCH;
        let mut credentials = Credentials::new(Some("s3cret".to_owned()));
        let token = credentials.issue("shop", now);
        assert_eq!(credentials.status(&token, now), TokenStatus::Valid);
        for guess in
            [Token::new("shop", 0, None), Token::new("shop", 0, Some("guess")), Token::new("other", 0, Some("s3cret"))]
        {
            assert_ne!(guess.text(), token.text());
        }
        assert_eq!(credentials.status(&Token::new("shop", 0, None), now), TokenStatus::NeverIssued);
    }
}
