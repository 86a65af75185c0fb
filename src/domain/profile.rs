//! The profile: a customer as a store keeps it.

use std::borrow::Cow;
use std::cell::RefCell;

use bytes::BufMut;
use memchr::memchr2;
use serde_json::value::RawValue;
use triomphe::ThinArc;

use super::customer::{Customer, CustomerNumber, Include, Properties};
use super::history::{self, History, Step};
use super::identity::IdentifiersRef;
use super::merge;

thread_local! {
    /// Where customers are rendered before they are kept at their exact size: a buffer of its own for each, cut down to size,
    /// would leave a hole behind every one of them.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A customer as a store keeps it: rendered once when it is written, joined into pages as it is.
///
/// All of it stands in one piece of memory, which its clones share: who is led to it needs no second look-up. Nothing that can be
/// read back from the rendered JSON is kept beside it.
#[derive(Clone, Debug)]
pub struct Profile(ThinArc<Header, u8>);

/// What stands before the rendered JSON of a profile.
#[derive(Debug)]
struct Header {
    number: CustomerNumber,
    /// The store's count of writes when this profile was written last.
    written: u64,
    /// How it came to be what it is.
    history: History,
    ends: Ends,
}

/// Where the texts of a profile end; each begins where the one before it ends, and the last one ends with all of them.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// All fields that every page carries, as a JSON object.
    json: usize,
    /// The custom properties as an object; nothing if there are none. So are the two that follow, of what there is.
    custom_properties: usize,
    loyalty: usize,
}

impl Ends {
    /// The ends once the last two texts are there, too; what came before them is the custom properties, from the end of the JSON on.
    fn with(json: usize, loyalty: &[u8], yotpo_ugc: &[u8], out: &mut Vec<u8>) -> Ends {
        let custom_properties = out.len();
        out.extend_from_slice(loyalty);
        let loyalty = out.len();
        out.extend_from_slice(yotpo_ugc);
        Ends {
            json,
            custom_properties,
            loyalty,
        }
    }
}

/// The text of a part; nothing if there is none.
fn bytes_of(part: &Option<Box<RawValue>>) -> &[u8] {
    part.as_ref().map_or(b"", |raw| raw.get().as_bytes())
}

impl Profile {
    pub fn new(number: CustomerNumber, written: u64, customer: Customer, history: History) -> Profile {
        Profile::kept(number, written, history, |out| {
            serde_json::to_writer(&mut *out, &customer)
                .expect("a customer is texts and booleans, and a Vec takes all writes");
            let json = out.len();
            merge::fill_properties(&customer.custom_properties, b"", out);
            Ends::with(json, bytes_of(&customer.loyalty), bytes_of(&customer.yotpo_ugc), out)
        })
    }

    /// The profile after a write to it: the write, [filled](merge::fill) with what it does not say.
    pub(super) fn rewritten(&self, written: u64, write: Customer, history: History) -> Profile {
        if !merge::can_fill_rendered(&write) {
            return Profile::new(self.number(), written, merge::fill(write, self.customer()), history);
        }
        Profile::kept(self.number(), written, history, |out| {
            merge::fill_rendered(&write, self.json(), out);
            let json = out.len();
            merge::fill_properties(&write.custom_properties, self.custom_properties(), out);
            Ends::with(json, self.loyalty(), self.yotpo_ugc(), out)
        })
    }

    /// Keeps what is written, at its exact size.
    fn kept(
        number: CustomerNumber,
        written: u64,
        history: History,
        write: impl FnOnce(&mut Vec<u8>) -> Ends,
    ) -> Profile {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            let header = Header {
                number,
                written,
                history,
                ends: write(scratch),
            };
            Profile(ThinArc::from_header_and_slice(header, scratch))
        })
    }

    fn header(&self) -> &Header {
        &self.0.header.header
    }

    /// All fields that every page carries, as a JSON object.
    fn json(&self) -> &[u8] {
        &self.0.slice[..self.header().ends.json]
    }

    fn custom_properties(&self) -> &[u8] {
        let ends = &self.header().ends;
        &self.0.slice[ends.json..ends.custom_properties]
    }

    fn loyalty(&self) -> &[u8] {
        let ends = &self.header().ends;
        &self.0.slice[ends.custom_properties..ends.loyalty]
    }

    fn yotpo_ugc(&self) -> &[u8] {
        &self.0.slice[self.header().ends.loyalty..]
    }

    /// The customer's place in the order of creation.
    pub fn number(&self) -> CustomerNumber {
        self.header().number
    }

    /// The steps by which the customer came to be what it is, the first of those that are kept first.
    pub fn steps(&self) -> Vec<Step> {
        history::steps(&self.header().history)
    }

    /// The customer's whole story, to be told on.
    pub(super) fn history(&self) -> &History {
        &self.header().history
    }

    /// The store's count of writes when this profile was written last.
    pub fn written(&self) -> u64 {
        self.header().written
    }

    /// Reads the customer back from what was rendered.
    pub fn customer(&self) -> Customer {
        let mut customer: Customer = serde_json::from_slice(self.json()).expect(READS_BACK);
        let raw = |text: &[u8]| (!text.is_empty()).then(|| serde_json::from_slice(text).expect(READS_BACK));
        customer.custom_properties = match self.custom_properties() {
            b"" => Properties::new(),
            rendered => serde_json::from_slice(rendered).expect(READS_BACK),
        };
        customer.loyalty = raw(self.loyalty());
        customer.yotpo_ugc = raw(self.yotpo_ugc());
        customer
    }

    /// What names the customer. That stands first in the rendered JSON, so the rest is not looked at.
    pub(super) fn names(&self) -> IdentifiersRef<'_> {
        let mut rest = self.json();
        IdentifiersRef {
            external_id: next_text(&mut rest, "external_id"),
            email: next_text(&mut rest, "email"),
            phone_number: next_text(&mut rest, "phone_number"),
        }
    }

    /// Appends the customer as one JSON object, with the parts that were asked for.
    pub fn write_json(&self, include: Include, out: &mut impl BufMut) {
        if include == Include::default() {
            return out.put_slice(self.json());
        }
        out.put_slice(self.json().strip_suffix(b"}").expect("an object ends with a brace"));
        for (name, value) in self.parts(include) {
            for text in [b",\"", name.as_bytes(), b"\":", value] {
                out.put_slice(text);
            }
        }
        out.put_slice(b"}");
    }

    /// How many bytes that appends.
    pub fn json_len(&self, include: Include) -> usize {
        let json = self.header().ends.json;
        if include == Include::default() {
            return json;
        }
        let parts = self.parts(include);
        json + parts
            .map(|(name, value)| name.len() + value.len() + r#","":"#.len())
            .sum::<usize>()
    }

    /// The parts that were asked for: their names, and what is rendered of each.
    fn parts(&self, include: Include) -> impl Iterator<Item = (&'static str, &[u8])> {
        let part = |wanted: bool, name, of: fn(&Profile) -> &[u8], absent: &'static [u8]| {
            wanted.then(|| match of(self) {
                b"" => (name, absent),
                rendered => (name, rendered),
            })
        };
        [
            part(
                include.custom_properties,
                "custom_properties",
                Profile::custom_properties,
                b"{}",
            ),
            part(include.loyalty, "loyalty", Profile::loyalty, b"null"),
            part(include.reviews, "yotpo_ugc", Profile::yotpo_ugc, b"null"),
        ]
        .into_iter()
        .flatten()
    }
}

const READS_BACK: &str = "a profile holds what was rendered from a customer";

/// Reads the next field of an object, a text or null, by its name.
fn next_text<'a>(rest: &mut &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    // `{"` or `,"`, the name, `":`
    *rest = &rest[name.len() + 4..];
    let plain = rest
        .strip_prefix(b"\"")
        .and_then(|text| Some(&text[..memchr2(b'"', b'\\', text)?]));
    if let Some(text) = plain
        && rest[1 + text.len()] == b'"'
    {
        *rest = &rest[text.len() + 2..];
        return Some(Cow::Borrowed(std::str::from_utf8(text).expect(READS_BACK)));
    }
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Option<String>>();
    let value = values.next().and_then(Result::ok).expect(READS_BACK);
    *rest = &rest[values.byte_offset()..];
    value.map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::customer::{Address, ListMembership};
    use crate::domain::identifiers::{Email, ExternalId, PhoneNumber};

    #[test]
    fn a_profile_gives_back_what_was_put_in() {
        let customer = Customer {
            external_id: Some(ExternalId("a \"quoted\"\\ id\0".into())),
            phone_number: Some(PhoneNumber("+14155552671".into())),
            first_name: Some("Žofie".into()),
            ..Customer::default()
        };
        let profile = Profile::new(1, 1, customer.clone(), None);
        assert_eq!(profile.names().to_identifiers(), customer.identifiers());
        assert_eq!(profile.customer().first_name, customer.first_name);
    }

    /// Has each field or not, as the next bit says; texts hold what JSON escapes.
    fn customer(mut bits: u64, name: &str) -> Customer {
        let mut next = || {
            let is_set = bits & 1 == 1;
            bits >>= 1;
            is_set
        };
        let mut text = |field: &str| next().then(|| format!("{name} {field} \"\\\n\u{0}é"));
        let mut customer = Customer {
            external_id: text("id").map(ExternalId),
            email: text("email").map(Email),
            phone_number: text("number").map(PhoneNumber),
            first_name: text("first"),
            last_name: text("last"),
            gender: text("gender"),
            account_created_at: text("created"),
            account_updated_at: text("updated"),
            account_status: text("status"),
            default_language: text("language"),
            default_currency: text("currency"),
            tags: text("tags"),
            address: Some(Address {
                address1: text("1"),
                address2: text("2"),
                city: text("city"),
                company: text("company"),
                state: text("state"),
                zip: text("zip"),
                province_code: text("province"),
                country_code: text("country"),
                phone_number: text("number"),
            }),
            lists: text("list")
                .map(|id| ListMembership { id, since: None })
                .into_iter()
                .collect(),
            ..Customer::default()
        };
        customer.custom_properties = ["a", "b \"\\", "c"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), text(key)?.into())))
            .collect();
        customer.accepts_sms_marketing = next().then(&mut next);
        customer.accepts_email_marketing = next().then(&mut next);
        customer.channels.email = next().then(Default::default);
        let rendered = |json: &str| RawValue::from_string(json.to_owned()).expect("it is JSON");
        customer.loyalty = next().then(|| rendered(r#"{"points":1}"#));
        customer.address = customer.address.filter(|_| next());
        customer
    }

    proptest! {
        #[test]
        fn rewriting_is_rendering_what_is_filled(kept in any::<u64>(), write in any::<u64>(), is_of_a_client in any::<bool>()) {
            let (kept, mut write) = (customer(kept, "kept"), customer(write, "written"));
            if is_of_a_client {
                write.lists.clear();
                write.channels = Default::default();
                write.loyalty = None;
            }
            let all = |profile: &Profile| {
                let mut json = Vec::new();
                profile.write_json(Include::EVERYTHING, &mut json);
                String::from_utf8(json).expect("JSON is UTF-8")
            };
            let filled = Profile::new(1, 2, merge::fill(write.clone(), kept.clone()), None);
            let rewritten = Profile::new(1, 1, kept, None).rewritten(2, write, None);
            prop_assert_eq!(all(&rewritten), all(&filled));
            prop_assert_eq!(rewritten.json(), filled.json());
            prop_assert_eq!(rewritten.names(), filled.names());
        }
    }
}
