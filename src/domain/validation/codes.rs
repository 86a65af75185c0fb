//! Enumerations, ISO codes and formats. All are case-sensitive.

use validator::ValidateLength;

use super::iso_codes::{COUNTRIES, CURRENCIES, LANGUAGES};

/// The maximum length of identifiers, names, sources, types and unique ids, in Unicode scalar values.
const MAX_CHARS: u64 = 255;

pub fn is_short(text: &str) -> bool {
    text.validate_length(None, Some(MAX_CHARS), None)
}

pub fn is_short_and_not_empty(text: &str) -> bool {
    text.validate_length(Some(1), Some(MAX_CHARS), None)
}

pub fn is_gender(text: &str) -> bool {
    ["F", "M", "Other"].contains(&text)
}

pub fn is_account_status(text: &str) -> bool {
    ["enabled", "disabled", "invited", "declined"].contains(&text)
}

/// Whether a text has the form of an E.164 number: `+` and 7 to 15 digits, of which the first is not 0, since no country code
/// begins with 0. No numbering plan is checked, since test data use fictional numbers.
pub fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub fn is_language(text: &str) -> bool {
    LANGUAGES.binary_search(&text).is_ok()
}

pub fn is_currency(text: &str) -> bool {
    CURRENCIES.binary_search(&text).is_ok()
}

pub fn is_country(text: &str) -> bool {
    COUNTRIES.binary_search(&text).is_ok()
}

/// Whether a text is a valid name of a property: `^[a-z0-9_]{1,32}$`.
///
/// Source: contract, "The customer", custom_properties (documented).
pub fn is_property_key(text: &str) -> bool {
    let is_key_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&text.len()) && text.bytes().all(is_key_byte)
}

/// `^[a-z0-9]+(_[a-z0-9]+)*$`
pub fn is_snake_case(text: &str) -> bool {
    let is_word_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('_').all(|word| !word.is_empty() && word.bytes().all(is_word_byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_have_seven_to_fifteen_digits() {
        for good in ["+1234567", "+123456789012345"] {
            assert!(is_e164(good), "{good}");
        }
        for bad in [
            "+0123456",
            "+123456",
            "+1234567890123456",
            "1234567",
            "+12345 67",
            "+",
            "",
            "+１２３４５６７",
            "++1234567",
        ] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn the_tables_of_codes_are_sorted() {
        for table in [LANGUAGES, CURRENCIES, COUNTRIES] {
            assert!(table.is_sorted());
        }
    }

    #[test]
    fn withdrawn_codes_are_not_valid() {
        for code in ["HRK", "ANG", "ZWL", "BGN", "SLL"] {
            assert!(!is_currency(code), "{code}");
        }
        assert!(is_currency("XCG") && is_currency("ZWG"));
        assert!(!is_language("sh") && !is_language("mo") && !is_country("XK") && !is_country("AN"));
    }

    #[test]
    fn codes_are_case_sensitive() {
        assert!(is_language("en") && !is_language("EN") && !is_language("eng") && !is_language("xx"));
        assert!(is_currency("USD") && !is_currency("usd") && !is_currency("ZZZ"));
        assert!(is_country("US") && !is_country("us") && !is_country("USA") && !is_country("ZZ"));
    }

    #[test]
    fn snake_case_has_no_empty_word() {
        assert!(is_snake_case("order_shipped") && is_snake_case("v2"));
        for bad in ["", "_", "order__shipped", "OrderShipped", "order-shipped", "_order", "größe"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
