//! Generated customers and events: as varied as those of a real shop, and the same for the same seed.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::seed::{EntryReader, ReadOptions};
use crate::domain::customer::{CustomerNumber, Properties};
use crate::domain::event::Event;
use crate::domain::store::StoreState;

/// The maximum number of customers, and of events, in one request.
pub(crate) const MAX_GENERATED: u64 = 1_000_000;

/// A number of customers and events to generate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GenerateRequest {
    pub customers: u64,
    pub events: u64,
    /// The same seed generates the same data in a store with the same content.
    pub seed: u64,
}

/// Names and an address of one region, with its codes: language, currency, country and telephone prefix.
struct Place {
    first: [&'static str; 6],
    last: [&'static str; 6],
    city: &'static str,
    zip: &'static str,
    codes: [&'static str; 4],
}

const PLACES: [Place; 9] = [
    Place {
        first: ["Emma", "Liam", "Olivia", "Noah", "Ava", "Mary Ann"],
        last: ["Johnson", "O'Neil", "Smith", "Garcia", "Smith-Jones", "Lee"],
        city: "Austin",
        zip: "73301",
        codes: ["en", "USD", "US", "+1512555"],
    },
    Place {
        first: ["Zoë", "José", "François", "Anaïs", "Chloé", "Léa"],
        last: ["Dupont", "Lefèvre", "d'Aubigné", "Moreau", "Garçon", "Noël"],
        city: "Besançon",
        zip: "25000",
        codes: ["fr", "EUR", "FR", "+3319900"],
    },
    Place {
        first: ["Žofie", "Jiří", "Šárka", "Ondřej", "Zdeňka", "Luboš"],
        last: ["Dvořák", "Nováková", "Černý", "Svobodová", "Růžička", "Šťastný"],
        city: "Plzeň",
        zip: "301 00",
        codes: ["cs", "CZK", "CZ", "+4207005"],
    },
    Place {
        first: ["Jürgen", "Anke", "Björn", "Käthe", "Sören", "Ute"],
        last: ["Müller", "Groß", "Schäfer", "von der Heide", "Weiß", "Köhler"],
        city: "Köln",
        zip: "50667",
        codes: ["de", "EUR", "DE", "+4930239"],
    },
    Place {
        first: ["Анна", "Олексій", "Марія", "Іван", "Юлія", "Тарас"],
        last: ["Шевченко", "Коваленко", "Бондар", "Ткаченко", "Мельник", "Їжак"],
        city: "Київ",
        zip: "01001",
        codes: ["uk", "UAH", "UA", "+3804400"],
    },
    Place {
        first: ["Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Αθηνά", "Κώστας"],
        last: ["Παπαδόπουλος", "Γεωργίου", "Νικολαΐδης", "Οικονόμου", "Βλάχος", "Λέκκας"],
        city: "Αθήνα",
        zip: "105 57",
        codes: ["el", "EUR", "GR", "+3021055"],
    },
    Place {
        first: ["陽菜", "蓮", "結衣", "大翔", "さくら", "ハルト"],
        last: ["佐藤", "鈴木", "髙橋", "田中", "渡邉", "伊藤"],
        city: "横浜市",
        zip: "220-0012",
        codes: ["ja", "JPY", "JP", "+8145555"],
    },
    Place {
        first: ["נועה", "דוד", "תמר", "יוסף", "שירה", "אורי"],
        last: ["כהן", "לוי", "מזרחי", "פרץ", "ביטון", "בן־דוד"],
        city: "חיפה",
        zip: "3303138",
        codes: ["he", "ILS", "IL", "+9724855"],
    },
    Place {
        first: ["فاطمة", "محمد", "ليلى", "عمر", "نور", "يوسف"],
        last: ["العلي", "حسن", "الخطيب", "منصور", "السيد", "عبد الله"],
        city: "دبي",
        zip: "",
        codes: ["ar", "AED", "AE", "+9714555"],
    },
];

const STATUSES: [&str; 4] = ["enabled", "disabled", "invited", "declined"];
const TAGS: [&str; 7] = ["vip", "", "newsletter", "wholesale,vip", "repeat buyer", "🎁", "vip,,gift"];
const TIERS: [&str; 3] = ["Bronze", "Silver", "Gold"];
const TOPICS: [&str; 4] = ["fit", "colour", "delivery", "quality"];
const EVENTS: [[&str; 2]; 6] = [
    ["order_shipped", "warehouse"],
    ["item_returned", "warehouse"],
    ["ticket_opened", "helpdesk"],
    ["ticket_closed", "helpdesk"],
    ["store_visited", "pos"],
    ["subscription_renewed", "billing"],
];

/// The request has events, but the store has no customers.
#[derive(Debug, thiserror::Error)]
#[error("there is no customer for the events")]
pub(crate) struct NoCustomer;

/// Generates customers and events and appends them to a store.
///
/// # Errors
///
/// If there is no customer for the events.
pub(crate) fn generate(
    request: GenerateRequest,
    read_options: ReadOptions,
    state: &mut StoreState,
) -> Result<(), NoCustomer> {
    let before = state.last_customer();
    let mut generator = Generator {
        // The next batch with the same seed has other customers.
        random: Rng::with_seed(request.seed ^ before.rotate_left(32)),
        emails: Vec::new(),
    };
    let reader = EntryReader::new("", read_options);
    for number in before + 1..=before + request.customers {
        let object = generator.customer(number, state);
        let customer = reader.customer("a generated customer", &object);
        state.append(customer.expect("generated customers break no rule"));
    }
    if request.events == 0 {
        return Ok(());
    }
    // Events are of the new customers if there are any.
    let after = if request.customers > 0 { before } else { 0 };
    let customers: Vec<CustomerNumber> = state.customers(after).map(|profile| profile.number()).collect();
    if customers.is_empty() {
        return Err(NoCustomer);
    }
    for _ in 0..request.events {
        let customer = customers[generator.random.usize(..customers.len())];
        let event = generator.event(state);
        state.put_event(event, customer);
    }
    Ok(())
}

/// Generates one entry after the other.
struct Generator {
    random: Rng,
    /// Addresses that several customers share, as families do.
    emails: Vec<String>,
}

impl Generator {
    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.random.usize(..choices.len())]
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    /// A time from 2020 to 2025. It does not depend on the clock, so that runs repeat.
    fn time(&mut self) -> String {
        let (year, month, day) = (self.random.u16(2020..2026), self.random.u8(1..13), self.random.u8(1..29));
        let (hour, minute, second) = (self.random.u8(..24), self.random.u8(..60), self.random.u8(..60));
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }

    fn customer(&mut self, number: CustomerNumber, state: &StoreState) -> Map<String, Value> {
        let place = self.pick(&PLACES);
        let [language, currency, country, prefix] = place.codes;
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);

        let phone_number = format!("{prefix}{:07}", number % 10_000_000);
        let email = format!("shopper.{number}@example.{}", self.pick(&["com", "org", "net"]));
        if self.chance(12) {
            // Anonymous: a guest with an email, a phone number or both.
            let known = self.random.u8(..10);
            if known < 7 {
                set("email", email.into());
            }
            if known > 4 {
                set("phone_number", phone_number.into());
            }
        } else {
            set("external_id", free_id(number, state).into());
            let shared = self.chance(3) && !self.emails.is_empty();
            let email = if shared { self.pick(&self.emails.clone()).clone() } else { email };
            if self.emails.len() < 64 {
                self.emails.push(email.clone());
            }
            if self.chance(92) {
                set("email", email.into());
            }
            if self.chance(45) {
                set("phone_number", phone_number.into());
            }
        }
        if self.chance(95) {
            set("first_name", (*self.pick(&place.first)).into());
            set("last_name", (*self.pick(&place.last)).into());
        }
        if self.chance(60) {
            set("gender", (*self.pick(&["F", "M", "Other"])).into());
        }
        set("account_created_at", self.time().into());
        if self.chance(80) {
            set("account_updated_at", self.time().into());
            set("account_status", (*self.pick(&STATUSES)).into());
        }
        set("default_language", language.into());
        set("default_currency", currency.into());
        if self.chance(50) {
            set("tags", (*self.pick(&TAGS)).into());
        }
        if self.chance(70) {
            let street = format!("{} {}", self.pick(&place.last), self.random.u16(1..400));
            set(
                "address",
                json!({ "address1": street, "city": place.city, "zip": place.zip, "country_code": country }),
            );
        }
        for name in ["accepts_sms_marketing", "accepts_email_marketing"] {
            if self.chance(75) {
                set(name, self.random.bool().into());
            }
        }
        if self.chance(30) {
            set("lists", json!([{ "id": self.random.u16(1000..1020).to_string(), "since": self.time() }]));
        }
        if self.chance(60) {
            set("channels", self.channels());
        }
        if self.chance(35) {
            set("loyalty", self.loyalty());
        }
        if self.chance(25) {
            set("yotpo_ugc", self.reviews());
        }
        if self.chance(30) {
            let size = *self.pick(&["S", "M", "L", "XL"]);
            let ratio = f64::from(self.random.u16(..1000)) / 100.0;
            set(
                "custom_properties",
                json!({ "size": size, "is_member": self.random.bool(), "ratio": ratio, "visits": self.random.u8(..50) }),
            );
        }
        object
    }

    fn channels(&mut self) -> Value {
        let mut channels = json!({});
        for name in ["sms", "email"] {
            if self.chance(70) {
                let consent = *self.pick(&["subscribed", "unsubscribed"]);
                channels[name] = json!({ "marketing": { "consent": consent, "timestamp": self.time() } });
                if name == "email" && self.chance(8) {
                    channels[name]["marketing"]["suppressions"] =
                        json!({ "suppression_reason": "HARD_BOUNCE", "timestamp": self.time() });
                }
            }
        }
        channels
    }

    fn loyalty(&mut self) -> Value {
        let earned = self.random.u16(..5000);
        json!({
            "points_balance": self.random.u16(..=earned),
            "points_earned": earned,
            "credit_balance": f64::from(self.random.u16(..2000)) / 100.0,
            "has_store_account": true,
            "is_opt_in": self.random.bool(),
            "opt_in_date": self.time(),
            "last_seen_at": self.time(),
            "vip_tier_name": self.pick(&TIERS),
            "total_redemptions": self.random.u8(..20),
            "successful_referrals": self.random.u8(..5),
            "is_referred_by_other_customer": self.random.bool(),
        })
    }

    fn reviews(&mut self) -> Value {
        let stars = self.random.u8(1..6);
        let average = f64::from(self.random.u8(10..51)) / 10.0;
        json!({
            "total_reviews": self.random.u8(1..40),
            "avg_product_rating": average,
            "total_avg_rating": average,
            "last_sentiment": f64::from(self.random.u8(..101)) / 100.0,
            "top_topics": [self.pick(&TOPICS)],
            "last_star_rating": stars,
            "last_review_date": self.time(),
        })
    }

    fn event(&mut self, state: &StoreState) -> Event {
        let [event_type, source] = *self.pick(&EVENTS);
        let mut properties = Properties::new();
        if self.chance(70) {
            properties.insert("order_id".to_owned(), self.random.u32(100_000..1_000_000).to_string().into());
            properties.insert("amount".to_owned(), (f64::from(self.random.u16(..50_000)) / 100.0).into());
        }
        if self.chance(20) {
            properties.insert("is_first".to_owned(), self.random.bool().into());
        }
        let mut unique_id = format!("{event_type}-{}", state.counters().events + 1);
        while state.has_event(&unique_id) {
            unique_id.push_str("-g");
        }
        Event {
            unique_id,
            event_type: event_type.to_owned(),
            source: self.chance(90).then(|| source.to_owned()),
            timestamp: self.time(),
            properties,
        }
    }
}

/// An unused external id, in the form that shop systems use.
fn free_id(number: CustomerNumber, state: &StoreState) -> String {
    let mut id = (6_100_000_000_000 + number).to_string();
    while state.has_external_id(&id) {
        id.push_str("-g");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validation::Validation;

    fn generated(request: GenerateRequest, state: &mut StoreState) -> Result<(), NoCustomer> {
        let read_options =
            ReadOptions { validation: Validation::Strict, now: "2026-01-01T00:00:00Z".parse().expect("a time") };
        generate(request, read_options, state)
    }

    #[test]
    fn generated_customers_break_no_rule_and_are_indexed() {
        for seed in [0, 1, 42, u64::MAX] {
            let mut state = StoreState::default();
            let request = GenerateRequest { customers: 400, events: 200, seed };
            for batch in 1..=2 {
                generated(request, &mut state).expect("it breaks no rule");
                assert_eq!(state.counts(), (400 * batch, 200 * batch), "all are new");
            }
            state.audit();
            let identified = state.customers(0).filter(|profile| profile.customer().external_id.is_some());
            assert!((600..790).contains(&identified.count()), "some are unidentified");
        }
    }

    #[test]
    fn existing_ids_are_not_generated_again() {
        let request = GenerateRequest { customers: 50, events: 20, seed: 42 };
        let mut other = StoreState::default();
        generated(request, &mut other).expect("it breaks no rule");
        // The same customers, under numbers that are generated again.
        let mut state = StoreState::default();
        for profile in other.customers(0).skip(25) {
            state.append(profile.customer());
        }
        generated(request, &mut state).expect("it breaks no rule");
        state.audit();
        assert_eq!(state.counts().0, 75);
    }
}
