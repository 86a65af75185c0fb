//! The format of e-mail addresses.

use unicode_security::{RestrictionLevel, RestrictionLevelDetection};
use validator::ValidateEmail;

/// Whether a text is an e-mail address by the rule of HTML5, whose domain is not easily mistaken for another one.
///
/// `validator` accepts every domain that IDNA can map to a valid one, such as `ex\u{ad}ample.com` and `ｅｘａｍｐｌｅ.com`. Here a
/// domain must be its own mapping, except for letter case, and no label may mix scripts, as `exаmple` with a Cyrillic а does
/// (contract, "The customer", fine print, assumed).
pub fn is_email(text: &str) -> bool {
    text.validate_email()
        && text.rsplit_once('@').is_some_and(|(_, domain)| domain.split('.').all(is_unambiguous_label))
}

fn is_unambiguous_label(label: &str) -> bool {
    if label.is_ascii() && !label.to_ascii_lowercase().starts_with("xn--") {
        return true;
    }
    let (mapped, result) = idna::domain_to_unicode(label);
    let is_mapped = label.is_ascii() || label.chars().flat_map(char::to_lowercase).eq(mapped.chars());
    // One script, or the mixtures of Latin letters with Chinese, Japanese or Korean ones that Unicode's UTS #39 allows.
    result.is_ok() && is_mapped && mapped.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_must_be_its_own_mapping_and_not_mix_scripts() {
        for valid in [
            "ann@example.com",
            "ann@BÜCHER.example",
            "ann@straße.example",
            "ann@STRAẞE.example",
            "ann@ΘΑΛΑΣΣΑΣ.example",
            "ann@xn--bcher-kva.example",
            "a@почта.рф",
            "a@почта.com",
            "a@日本語.example",
            "a@カフェ東京.example",
            "a@tokyo東京.example",
            "a@서울kr.example",
        ] {
            assert!(is_email(valid), "{valid}");
        }
        for invalid in [
            "ann@example.com\u{200b}",
            "ann@exa\u{ad}mple.com",
            "ann@exa\u{2060}mple.com",
            "ann@\u{feff}example.com",
            "ann@ｅｘａｍｐｌｅ.com",
            "ann@example。com",
            "ann@exam\u{fb01}.com",
            "ann@bu\u{308}cher.example",
            "ann@xn--\u{200b}.example",
            "ann@xn--0.example",
            "\u{200b}ann@example.com",
            // Each has one letter of another script: а, ο, ԁ, and а behind Punycode.
            "ann@exаmple.com",
            "ann@gοogle.example",
            "ann@ԁomain.example",
            "ann@xn--exmple-4nf.com",
            "ann@почтa.рф",
            "аnn@example.com",
        ] {
            assert!(!is_email(invalid), "{invalid:?}");
        }
    }
}
