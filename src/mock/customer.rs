//! A customer as a Rust test writes and reads it.

use std::fmt;

use serde_json::{Map, Value};

use crate::domain::customer::customer_fields;

/// A customer: the input of [`Store::seed`](crate::Store::seed), and what a store returns.
///
/// A field that is null has the value `None`. [`field`](Customer::field) returns fields of any type.
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

/// Builds a [`Customer`].
///
/// It also sets the fields that no endpoint writes: `lists`, `channels`, `loyalty` and `yotpo_ugc`. The fields are validated by
/// [`Store::seed`](crate::Store::seed), not here.
#[derive(Clone, Debug)]
#[must_use = "call `build` to get the customer"]
pub struct CustomerBuilder {
    customer: Customer,
}

impl Customer {
    /// A builder for a customer without fields.
    pub fn builder() -> CustomerBuilder {
        CustomerBuilder { customer: Customer { fields: Map::new() } }
    }

    /// The customer's position in its store's order of creation, counted from one; `None` for a customer from a builder.
    pub fn number(&self) -> Option<u64> {
        self.field("number")?.as_u64()
    }

    /// A field by its name in JSON, `custom_properties`, `loyalty` and `yotpo_ugc` included. `None` if it is null or missing.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A custom property by its key.
    pub fn custom_property(&self, key: &str) -> Option<&Value> {
        self.field("custom_properties")?.get(key)
    }

    /// All fields as one JSON object.
    pub fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

impl From<CustomerBuilder> for Customer {
    fn from(builder: CustomerBuilder) -> Customer {
        builder.build()
    }
}

/// Accepts fields by their names in JSON, as [`CustomerBuilder::field`] does.
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
    /// Sets any field by its name in JSON.
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

    /// Sets a custom property: a string, a number or a boolean.
    ///
    /// # Panics
    ///
    /// If the field `custom_properties` was set to something that is not an object.
    pub fn custom_property(mut self, key: impl Into<String>, value: impl Into<Value>) -> CustomerBuilder {
        let properties = self.customer.fields.entry("custom_properties");
        let properties = properties.or_insert_with(|| Value::Object(Map::new()));
        let properties = properties.as_object_mut().expect("`custom_properties` is an object");
        properties.insert(key.into(), value.into());
        self
    }

    /// The customer with the fields that were set.
    pub fn build(self) -> Customer {
        self.customer
    }
}

/// Implements a getter and a setter for each field of the table that is a text or a boolean.
macro_rules! accessors {
    (
        $(#[$struct_attribute:meta])*
        struct $struct:ident {
            $($(#[$attribute:meta])* $kind:ident $name:ident: $type:ty $(= $validator:ident($($argument:expr),*))?;)*
        }
    ) => {
        impl Customer {
            $(getter!($kind, $name, $(#[$attribute])*);)*
        }

        impl CustomerBuilder {
            $(setter!($kind, $name, $(#[$attribute])*);)*
        }
    };
}

macro_rules! getter {
    (Identifier, $name:ident, $(#[$attribute:meta])*) => {
        getter!(Text, $name, $(#[$attribute])*);
    };
    (Text, $name:ident, $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        pub fn $name(&self) -> Option<&str> {
            self.field(stringify!($name))?.as_str()
        }
    };
    (Boolean, $name:ident, $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        pub fn $name(&self) -> Option<bool> {
            self.field(stringify!($name))?.as_bool()
        }
    };
    ($other:ident, $name:ident, $(#[$attribute:meta])*) => {};
}

macro_rules! setter {
    (Identifier, $name:ident, $(#[$attribute:meta])*) => {
        setter!(Text, $name, $(#[$attribute])*);
    };
    (Text, $name:ident, $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        pub fn $name(self, value: impl Into<String>) -> CustomerBuilder {
            self.field(stringify!($name), value.into())
        }
    };
    (Boolean, $name:ident, $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        pub fn $name(self, value: bool) -> CustomerBuilder {
            self.field(stringify!($name), value)
        }
    };
    ($other:ident, $name:ident, $(#[$attribute:meta])*) => {};
}

customer_fields!(accessors);
