//! How sure we are that the vendor does a thing.

/// What a rule of the emulator rests on.
///
/// Every rule carries one, and so does every part of `openapi/customers.yaml` (`x-evidence`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Evidence {
    /// The vendor's own pages say it.
    Documented,
    /// Working public clients send it, read it or depend on it.
    Observed,
    /// Nobody outside the vendor has written it down: our most defensible choice.
    Assumed,
}

impl Evidence {
    /// The word as `x-evidence` spells it: `documented`, `observed` or `assumed`.
    ///
    /// ```
    /// assert_eq!(yotpo_mock::evidence::Evidence::Assumed.as_str(), "assumed");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Documented => "documented",
            Evidence::Observed => "observed",
            Evidence::Assumed => "assumed",
        }
    }
}
