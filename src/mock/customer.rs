//! A customer as a Rust test says and sees it.

use std::fmt;

use serde_json::{Map, Value};

/// A customer: what a store is [seeded](crate::Store::seed) with, and what it is found to hold.
///
/// A field that the vendor's pages show as null is `None` here. What is not a text stands in [`field`](Customer::field).
///
/// ```
/// use yotpo_mock::{Customer, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
///
/// let ann = store.customer("c-1").unwrap();
/// assert_eq!(ann.email(), Some("ann@example.com"));
/// assert_eq!(ann.first_name(), None);
/// ```
#[derive(Clone, PartialEq)]
pub struct Customer {
    fields: Map<String, Value>,
}

/// A customer that is being put together.
///
/// Everything is taken as it is, as a seed's customers are: `lists`, `channels`, `loyalty` and `yotpo_ugc` included, which no
/// endpoint writes. What a field may be is looked at by [`Store::seed`](crate::Store::seed).
///
/// ```
/// use yotpo_mock::Customer;
///
/// let customer = Customer::builder().external_id("c-1").first_name("Ann").accepts_sms_marketing(true).build();
/// assert_eq!(customer.first_name(), Some("Ann"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "it becomes a customer by `build`"]
pub struct CustomerBuilder {
    customer: Customer,
}

impl Customer {
    /// Begins a customer of whom nothing is known.
    ///
    /// ```
    /// let customer = yotpo_mock::Customer::builder().phone_number("+14155552671").build();
    /// assert_eq!(customer.phone_number(), Some("+14155552671"));
    /// ```
    pub fn builder() -> CustomerBuilder {
        CustomerBuilder {
            customer: Customer { fields: Map::new() },
        }
    }

    /// The customer's place in its store's order of creation, counted from one; `None` for one that comes from a builder.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// store.seed([yotpo_mock::Customer::builder().external_id("c-1").build()]);
    /// assert_eq!(store.customer("c-1").unwrap().number(), Some(1));
    /// ```
    pub fn number(&self) -> Option<u64> {
        self.field("number")?.as_u64()
    }

    /// Any field by its name on the wire, the parts on request included: `custom_properties`, `loyalty`, `yotpo_ugc`. `None`
    /// where it is null or not there.
    ///
    /// ```
    /// # use serde_json::json;
    /// let customer = yotpo_mock::Customer::builder().field("address", json!({"city": "Austin"})).build();
    /// assert_eq!(customer.field("address").unwrap()["city"], "Austin");
    /// ```
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A custom property by its key.
    ///
    /// ```
    /// let customer = yotpo_mock::Customer::builder().custom_property("shirt_size", "M").build();
    /// assert_eq!(customer.custom_property("shirt_size").unwrap(), "M");
    /// ```
    pub fn custom_property(&self, key: &str) -> Option<&Value> {
        self.field("custom_properties")?.get(key)
    }

    /// All fields as one JSON object.
    ///
    /// ```
    /// # use serde_json::json;
    /// let customer = yotpo_mock::Customer::builder().external_id("c-1").build();
    /// assert_eq!(customer.to_json(), json!({"external_id": "c-1"}));
    /// ```
    pub fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str()
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        self.field(name)?.as_bool()
    }
}

/// What [`CustomerBuilder::build`] gives.
impl From<CustomerBuilder> for Customer {
    fn from(builder: CustomerBuilder) -> Customer {
        builder.build()
    }
}

/// Takes fields by their names on the wire, as [`CustomerBuilder::field`] does.
///
/// ```
/// # use serde_json::{Value, json};
/// let Value::Object(fields) = json!({"external_id": "c-1"}) else { unreachable!() };
/// assert_eq!(yotpo_mock::Customer::from(fields).external_id(), Some("c-1"));
/// ```
impl From<Map<String, Value>> for Customer {
    fn from(fields: Map<String, Value>) -> Customer {
        Customer { fields }
    }
}

/// As JSON.
impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl CustomerBuilder {
    /// Sets any field by its name on the wire.
    ///
    /// ```
    /// # use serde_json::json;
    /// let customer = yotpo_mock::Customer::builder().field("lists", json!([{"id": "7"}])).build();
    /// assert_eq!(customer.field("lists").unwrap()[0]["id"], "7");
    /// ```
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> CustomerBuilder {
        self.customer.fields.insert(name.into(), value.into());
        self
    }

    /// Sets a custom property: a text, a number or a boolean.
    ///
    /// # Panics
    ///
    /// If `custom_properties` was set as a whole to something that is not an object.
    ///
    /// ```
    /// let customer = yotpo_mock::Customer::builder().custom_property("visits", 3).build();
    /// assert_eq!(customer.custom_property("visits").unwrap(), 3);
    /// ```
    pub fn custom_property(mut self, key: impl Into<String>, value: impl Into<Value>) -> CustomerBuilder {
        let properties = self.customer.fields.entry("custom_properties");
        let properties = properties.or_insert_with(|| Value::Object(Map::new()));
        let properties = properties.as_object_mut().expect("`custom_properties` is an object");
        properties.insert(key.into(), value.into());
        self
    }

    /// The customer.
    ///
    /// ```
    /// let customer = yotpo_mock::Customer::builder().email("ann@example.com").build();
    /// assert_eq!(customer.email(), Some("ann@example.com"));
    /// ```
    pub fn build(self) -> Customer {
        self.customer
    }
}

/// Getters and setters of the fields of one kind, each with an example.
macro_rules! fields {
    ($kind:ty as $owned:ty, $read:ident -> $got:ty: $($(#[doc = $doc:literal])+ $name:ident = $example:literal;)*) => {
        impl Customer {
            $(
                $(#[doc = $doc])+
                #[doc = concat!(
                    "\n```\nlet customer = yotpo_mock::Customer::builder().", stringify!($name), "(", stringify!($example),
                    ").build();\nassert_eq!(customer.", stringify!($name), "(), Some(", stringify!($example), "));\n```"
                )]
                pub fn $name(&self) -> Option<$got> {
                    self.$read(stringify!($name))
                }
            )*
        }

        impl CustomerBuilder {
            $(
                $(#[doc = $doc])+
                #[doc = concat!(
                    "\n```\nlet customer = yotpo_mock::Customer::builder().", stringify!($name), "(", stringify!($example),
                    ").build();\nassert_eq!(customer.", stringify!($name), "(), Some(", stringify!($example), "));\n```"
                )]
                pub fn $name(self, value: $kind) -> CustomerBuilder {
                    self.field(stringify!($name), Into::<$owned>::into(value))
                }
            )*
        }
    };
}

fields! {
    impl Into<String> as String, text -> &str:
    /// The shop's own id of the shopper, compared exactly.
    external_id = "c-1";
    /// The e-mail address as it was spelled last; compared without case.
    email = "ann@example.com";
    /// The phone number in E.164 form.
    phone_number = "+14155552671";
    /// The first name.
    first_name = "Ann";
    /// The last name.
    last_name = "Lee";
    /// `F`, `M` or `Other`.
    gender = "F";
    /// When the account was made: ISO 8601; a store gives it back in UTC, to the second, without a zone.
    account_created_at = "2026-01-01T00:00:00";
    /// When the account was changed last, in the same form.
    account_updated_at = "2026-01-01T00:00:00";
    /// The state of the account, for example `enabled`.
    account_status = "enabled";
    /// A language by its ISO 639-1 code.
    default_language = "en";
    /// A currency by its ISO 4217 code.
    default_currency = "USD";
    /// Tags, separated by commas.
    tags = "vip,returning";
}

fields! {
    bool as bool, boolean -> bool:
    /// Whether the shopper has agreed to marketing by SMS.
    accepts_sms_marketing = true;
    /// Whether the shopper has agreed to marketing by e-mail.
    accepts_email_marketing = false;
}
