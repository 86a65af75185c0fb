//! Evidence: how well a behaviour of Yotpo is known.

/// The source of a rule. Every part of `openapi/customers.yaml` has one, too, as `x-evidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Evidence {
    /// Yotpo's documentation.
    Documented,
    /// Public clients that work with Yotpo and depend on the rule.
    Observed,
    /// No source: the most plausible choice.
    Assumed,
}

impl Evidence {
    /// The name in JSON and in `x-evidence`: `documented`, `observed` or `assumed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Documented => "documented",
            Evidence::Observed => "observed",
            Evidence::Assumed => "assumed",
        }
    }
}
