//! The rule book: all rules for which the emulator rejects a request.
//!
//! The header `X-Yotpo-Mock-Rule` of a rejection lists the ids of the broken rules, so that tests need not parse messages. Ids are
//! stable. A field has the same rules in a customer and in an event's customer.

use super::evidence::Evidence::{self, Assumed, Documented, Observed};

/// A rule for which Yotpo rejects a request, or is assumed to.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The stable id, in lower case with dots: `customer.gender.enum`.
    pub id: &'static str,
    /// The message, which follows the path of the field that breaks the rule.
    pub words: &'static str,
    /// The source of the rule.
    pub evidence: Evidence,
}

macro_rules! rule_book {
    ($($name:ident = $id:literal, $evidence:ident, $words:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $words, ".")]
            pub const $name: Rule = Rule { id: $id, words: $words, evidence: $evidence };
        )*

        /// All rules, in the order of the book.
        pub const ALL: &[Rule] = &[$($name),*];
    };
}

rule_book! {
    // The path.
    PATH_UNKNOWN = "path.unknown", Assumed, "is not a path of this API";
    PATH_METHOD = "path.method", Assumed, "does not take this method";
    PATH_NOT_EMULATED = "path.not_emulated", Assumed, "is a Yotpo resource that this emulator does not have";
    SERVER_ERROR = "server.error", Assumed, "the emulator failed while it answered; this is a bug in it";

    // Credentials.
    STORE_UNKNOWN = "store.unknown", Observed, "Couldn't find account";
    SECRET_INVALID = "secret.invalid", Assumed, "is missing or is not the secret of this store";
    OAUTH_CLIENT_ID = "oauth.client_id.required", Assumed, "must be the id of a store";
    OAUTH_GRANT_TYPE = "oauth.grant_type.enum", Assumed, "must be `client_credentials`";
    TOKEN_MISSING = "token.missing", Documented, "no access token in the header `X-Yotpo-Token` or the query parameter `access_token`";
    TOKEN_UNKNOWN = "token.unknown", Documented, "the access token is not known";
    TOKEN_EXPIRED = "token.expired", Documented, "the access token has expired: tokens are valid for 14 days";
    TOKEN_OTHER_STORE = "token.other_store", Assumed, "the access token belongs to another store";
    RATE_LIMIT = "rate_limit.exceeded", Documented, "too many requests for this store";

    // The body.
    BODY_CONTENT_TYPE = "body.content_type", Assumed, "the body must be declared as `application/json`";
    BODY_CONTENT_ENCODING = "body.content_encoding", Assumed, "the body must not be compressed or encoded";
    BODY_SIZE = "body.size", Assumed, "the body is larger than the limit";
    BODY_TIMEOUT = "body.timeout", Assumed, "the body did not arrive in time";
    BODY_JSON = "body.json", Assumed, "the body is not valid JSON in UTF-8";
    BODY_FORM = "body.form", Assumed, "the body is not a form in UTF-8";
    BODY_DEPTH = "body.depth", Assumed, "the body is nested deeper than 128 levels";
    BODY_OBJECT = "body.object", Assumed, "must be a JSON object";

    // Retrieve customers.
    QUERY_UTF8 = "query.utf8", Assumed, "the query is not valid UTF-8";
    QUERY_LIMIT = "query.limit.range", Documented, "must be a whole number from 1 to 100";
    QUERY_EMAIL = "query.email.empty", Assumed, "must not be empty";
    QUERY_PHONE_NUMBER = "query.phone_number.empty", Assumed, "must not be empty";
    QUERY_EXTERNAL_IDS = "query.external_ids.empty", Assumed, "must name at least one id";
    QUERY_EXTERNAL_IDS_LENGTH = "query.external_ids.length", Assumed, "must be at most 32768 bytes long, as JSON writes it";
    QUERY_FILTER_BESIDE_CURSOR = "query.page_info.filter", Documented, "must not be given beside page_info, whose cursor includes it";
    QUERY_INCLUDE = "query.include_custom_properties.enum", Assumed, "must be `true` or `false`";
    CURSOR_ENCODED_TWICE = "cursor.encoded_twice", Observed, "is percent-encoded twice: next_page_info is already encoded, so send it unchanged";
    CURSOR_INVALID = "cursor.invalid", Assumed, "is not a cursor of this store, or is older than its last reset";
    NO_RESULTS = "customers.no_results", Observed, "No results found";

    // The customer.
    CUSTOMER_REQUIRED = "customer.required", Documented, "is required and must be an object";
    IDENTIFIER_MISSING = "customer.identifier.missing", Documented, "needs `external_id`, or one of `email` and `phone_number`";
    IDENTIFIER_AMBIGUOUS = "customer.identifier.ambiguous", Documented, "must not have both `email` and `phone_number` without `external_id`";
    EXTERNAL_ID_TYPE = "customer.external_id.type", Documented, "must be a string, or a whole number of at most 64 bits";
    EXTERNAL_ID_LENGTH = "customer.external_id.length", Observed, "must be at most 255 characters long";
    EMAIL_TYPE = "customer.email.type", Documented, "must be a string";
    EMAIL_FORMAT = "customer.email.format", Documented, "must be a well-formed e-mail address";
    EMAIL_LENGTH = "customer.email.length", Documented, "must be at most 255 characters long";
    PHONE_NUMBER_TYPE = "customer.phone_number.type", Documented, "must be a string";
    PHONE_NUMBER_FORMAT = "customer.phone_number.format", Documented, "must be in E.164 form: `+` and 7 to 15 digits without a leading 0";
    FIRST_NAME_TYPE = "customer.first_name.type", Documented, "must be a string";
    FIRST_NAME_LENGTH = "customer.first_name.length", Documented, "must be at most 255 characters long";
    LAST_NAME_TYPE = "customer.last_name.type", Documented, "must be a string";
    LAST_NAME_LENGTH = "customer.last_name.length", Documented, "must be at most 255 characters long";
    GENDER_TYPE = "customer.gender.type", Documented, "must be a string";
    GENDER_ENUM = "customer.gender.enum", Documented, "must be `F`, `M` or `Other`";
    CREATED_AT_TYPE = "customer.account_created_at.type", Documented, "must be a string";
    CREATED_AT_FORMAT = "customer.account_created_at.format", Documented, "must be a date like 2021-03-27 or a time like 2021-03-27T04:37:34Z";
    UPDATED_AT_TYPE = "customer.account_updated_at.type", Documented, "must be a string";
    UPDATED_AT_FORMAT = "customer.account_updated_at.format", Documented, "must be a date like 2021-03-27 or a time like 2021-03-27T04:37:34Z";
    STATUS_TYPE = "customer.account_status.type", Documented, "must be a string";
    STATUS_ENUM = "customer.account_status.enum", Documented, "must be `enabled`, `disabled`, `invited` or `declined`";
    LANGUAGE_TYPE = "customer.default_language.type", Documented, "must be a string";
    LANGUAGE_CODE = "customer.default_language.code", Documented, "must be an ISO 639-1 code in lower case";
    CURRENCY_TYPE = "customer.default_currency.type", Documented, "must be a string";
    CURRENCY_CODE = "customer.default_currency.code", Documented, "must be an ISO 4217 code in upper case";
    TAGS_TYPE = "customer.tags.type", Documented, "must be a string of comma-separated tags";
    ADDRESS_TYPE = "customer.address.type", Observed, "must be an object";
    ADDRESS_ADDRESS1_TYPE = "customer.address.address1.type", Observed, "must be a string";
    ADDRESS_ADDRESS2_TYPE = "customer.address.address2.type", Observed, "must be a string";
    ADDRESS_CITY_TYPE = "customer.address.city.type", Observed, "must be a string";
    ADDRESS_COMPANY_TYPE = "customer.address.company.type", Observed, "must be a string";
    ADDRESS_STATE_TYPE = "customer.address.state.type", Observed, "must be a string";
    ADDRESS_ZIP_TYPE = "customer.address.zip.type", Observed, "must be a string";
    ADDRESS_PROVINCE_CODE_TYPE = "customer.address.province_code.type", Observed, "must be a string";
    ADDRESS_COUNTRY_CODE_TYPE = "customer.address.country_code.type", Observed, "must be a string";
    ADDRESS_COUNTRY_CODE_CODE = "customer.address.country_code.code", Observed, "must be an ISO 3166-1 alpha-2 code in upper case";
    ADDRESS_PHONE_NUMBER_TYPE = "customer.address.phone_number.type", Observed, "must be a string";
    ADDRESS_PHONE_NUMBER_FORMAT = "customer.address.phone_number.format", Observed, "must be in E.164 form: `+` and 7 to 15 digits without a leading 0";
    ACCEPTS_SMS_TYPE = "customer.accepts_sms_marketing.type", Documented, "must be true or false";
    ACCEPTS_EMAIL_TYPE = "customer.accepts_email_marketing.type", Documented, "must be true or false";
    CUSTOM_PROPERTIES_TYPE = "customer.custom_properties.type", Documented, "must be an object";
    CUSTOM_PROPERTIES_KEY = "customer.custom_properties.key", Documented, "may have only a-z, 0-9 and _ in its name, 1 to 32 of them";
    CUSTOM_PROPERTIES_NULL = "customer.custom_properties.null", Documented, "must not be null";
    CUSTOM_PROPERTIES_NESTED = "customer.custom_properties.nested", Documented, "must be a string, a boolean or a number, since properties do not nest";
    CUSTOM_PROPERTIES_LENGTH = "customer.custom_properties.length", Documented, "must be at most 255 characters long";

    // The custom customer event.
    EVENT_REQUIRED = "event.required", Assumed, "is required and must be an object";
    EVENT_SOURCE_TYPE = "event.source.type", Documented, "must be a string";
    EVENT_SOURCE_LENGTH = "event.source.length", Documented, "must be 1 to 255 characters long";
    EVENT_TYPE_REQUIRED = "event.type.required", Documented, "is required";
    EVENT_TYPE_TYPE = "event.type.type", Documented, "must be a string";
    EVENT_TYPE_LENGTH = "event.type.length", Documented, "must be 1 to 255 characters long";
    EVENT_TIMESTAMP_TYPE = "event.timestamp.type", Documented, "must be a string";
    EVENT_TIMESTAMP_FORMAT = "event.timestamp.format", Documented, "must be a date like 2021-03-27 or a time like 2021-03-27T04:37:34Z";
    EVENT_UNIQUE_ID_REQUIRED = "event.unique_id.required", Documented, "is required";
    EVENT_UNIQUE_ID_TYPE = "event.unique_id.type", Assumed, "must be a string, or a whole number of at most 64 bits";
    EVENT_UNIQUE_ID_LENGTH = "event.unique_id.length", Assumed, "must be 1 to 255 characters long";
    EVENT_PROPERTIES_TYPE = "event.properties.type", Documented, "must be an object";
    EVENT_PROPERTIES_KEY = "event.properties.key", Documented, "may have only a-z, 0-9 and _ in its name, 1 to 32 of them";
    EVENT_PROPERTIES_NULL = "event.properties.null", Documented, "must not be null";
    EVENT_PROPERTIES_NESTED = "event.properties.nested", Documented, "must be a string, a boolean or a number, since properties do not nest";
    EVENT_PROPERTIES_LENGTH = "event.properties.length", Documented, "must be at most 255 characters long";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ALL.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
    }
}
