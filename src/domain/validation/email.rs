//! The format of e-mail addresses.

use validator::ValidateEmail;

/// Whether a text is an e-mail address by the rule of HTML5, and its domain is spelled as IDNA maps it, apart from letter case.
///
/// `validator` accepts every domain that IDNA can map to a valid one, such as `ex\u{ad}ample.com` and `ｅｘａｍｐｌｅ.com`. Here a
/// domain must be its own mapping, except for letter case (contract, "The customer", fine print, assumed).
pub fn is_email(text: &str) -> bool {
    text.validate_email() && text.rsplit_once('@').is_some_and(|(_, domain)| is_mapped(domain))
}

fn is_mapped(domain: &str) -> bool {
    domain.split('.').all(|label| {
        if label.is_ascii() && !label.to_ascii_lowercase().starts_with("xn--") {
            return true;
        }
        let (mapped, result) = idna::domain_to_unicode(label);
        result.is_ok() && (label.is_ascii() || label.chars().flat_map(char::to_lowercase).eq(mapped.chars()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_must_be_its_own_mapping() {
        for valid in [
            "ann@example.com",
            "ann@BÜCHER.example",
            "ann@straße.example",
            "ann@STRAẞE.example",
            "ann@ΘΑΛΑΣΣΑΣ.example",
            "ann@xn--bcher-kva.example",
            "a@почта.рф",
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
            "аnn@example.com",
        ] {
            assert!(!is_email(invalid), "{invalid:?}");
        }
    }
}
