#!/usr/bin/env python3
"""Writes tests/data/shop.json: 1,200 made-up customers and 150 events of one store, the same at every run.

    python3 tests/data/generate.py

Every phone number is fictional, every address is at example.com, example.org or example.net. Before it writes, the
script checks that the variety is there for which the tests use the file.
"""

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

CUSTOMERS, EVENTS = 1200, 150
SHARED_EMAILS, SHARED_PHONES = 25, 15
START = datetime(2019, 1, 1)

NAMES = [
    ("Emma", "Johnson", "en"), ("Žofie", "Dvořáková", "cs"), ("José", "Núñez", "es"), ("Łukasz", "Wójcik", "pl"),
    ("Zoë", "van den Berg", "nl"), ("محمد", "الأحمد", "ar"), ("דוד", "לוי", "he"), ("さくら", "田中", "ja"),
    ("민준", "김", "ko"), ("伟", "王", "zh"), ("Élodie", "Lefèvre", "fr"), ("Søren", "Ångström", "da"),
    ("Ναταλία", "Παπαδοπούλου", "el"), ("Иван", "Петров", "ru"), ("Seán", "O'Brien", "en"), ("प्रिया", "शर्मा", "hi"),
    ("Nguyễn", "Thị Minh", "vi"), ("Gül", "Çelik", "tr"), ("👩\u200d🔧 Ada", "\"Quote\" \\ Slash", "en"), ("", "Mononym", "en"),
]
PLACES = [
    ("12 Harbour Street", "Austin", "Texas", "73301", "TX", "US"), ("Hauptstraße 7", "Köln", "Nordrhein-Westfalen", "50667", "NW", "DE"),
    ("8 Rue de l'Église", "Montréal", "Québec", "H2Y 1C6", "QC", "CA"), ("1-2-3 神南", "渋谷区", "東京都", "150-0041", "13", "JP"),
    ("Av. Paulista 1000", "São Paulo", "São Paulo", "01310-100", "SP", "BR"), ("4 Queen's Row", "London", None, "SE17 2PT", None, "GB"),
]
CURRENCIES = ["USD", "EUR", "CAD", "JPY", "BRL", "GBP", "ILS"]
TAGS = ["vip,summer_sale,repeat_buyer", "vip,,wholesale", ",", "newsletter", "größe m,größe l", ""]
REASON = "HARD_BOUNCE"
CONSENTS = ["subscribed", "unsubscribed"]
TYPES = [("returns_desk", "item_returned"), ("loyalty_app", "badge_earned"), ("Gift Registry", "Registry Created"), (None, "order_shipped")]

rng = random.Random(20210327)


def chance(share):
    return rng.random() < share


def moment():
    """A time in one of the forms that clients send."""
    at = START + timedelta(seconds=rng.randrange(5 * 365 * 24 * 3600))
    form = rng.randrange(5)
    if form == 0:
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
    if form == 1:
        return at.replace(tzinfo=timezone(timedelta(hours=rng.choice([-8, -5, 1, 2, 9])))).isoformat()
    if form == 2:
        return at.strftime("%Y-%m-%d")
    if form == 3:
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{rng.randrange(1000):03}Z"
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def some(value, share=0.7):
    return value if chance(share) else None


def address():
    address1, city, state, zip_code, province, country = rng.choice(PLACES)
    return {
        "address1": address1, "address2": some("Flat 3", 0.3), "city": city, "company": some("Example & Sons", 0.2), "state": state,
        "zip": zip_code, "province_code": province, "country_code": country, "phone_number": some(f"+1555{rng.randrange(10**7):07}", 0.4),
    }


def marketing(suppressions):
    parts = {"consent": rng.choice(CONSENTS), "timestamp": moment()}
    if suppressions and chance(0.4):
        parts["suppressions"] = {"suppression_reason": REASON, "timestamp": moment()}
    return parts


def channels():
    states = {}
    if chance(0.6):
        states["sms"] = {"marketing": marketing(False)} if chance(0.9) else {}
    if chance(0.7):
        states["email"] = {"marketing": marketing(True)} if chance(0.9) else {}
    return states


def loyalty():
    enrolled = {
        "points_balance": rng.randrange(5000), "points_earned": rng.randrange(20000), "points_expire_date": moment(),
        "credit_balance": rng.randrange(10000) / 100, "has_store_account": chance(0.8), "is_opt_in": True, "opt_in_date": moment(),
        "opt_out_date": None, "last_seen_at": moment(), "vip_tier_name": rng.choice(["Bronze", "Silver", "Gold ✨"]),
        "vip_entry_date": moment(), "vip_expiration_date": moment(), "total_redemptions": rng.randrange(40),
        "total_points_redeemed": rng.randrange(9000), "successful_referrals": rng.randrange(9),
        "referrals_made_and_clicked": rng.randrange(20), "is_referred_by_other_customer": chance(0.2),
        "referred_by_customer": some("friend@example.com", 0.2),
    }
    return enrolled if chance(0.6) else {"points_balance": 0, "is_opt_in": False, "opt_out_date": moment()}


def reviews():
    written = {
        "total_reviews": rng.randrange(1, 60), "avg_product_rating": rng.randrange(10, 51) / 10, "avg_site_rating": rng.randrange(10, 51) / 10,
        "total_avg_rating": rng.randrange(10, 51) / 10, "sentiment_avg_product": rng.random(), "sentiment_avg_site": rng.random(),
        "total_avg_sentiment": rng.random(), "last_sentiment": rng.random(), "top_topics": some(["sizing", "qualité", "配送"], 0.6),
        "last_star_rating": rng.randrange(1, 6), "last_review_date": moment(),
    }
    return written if chance(0.7) else {"total_reviews": 0, "top_topics": None}


def custom_properties(number):
    return {
        "favourite_store": rng.choice(["Köln", "Austin"]), "is_wholesale": chance(0.3), "shoe_size": 35 + number % 12,
        "lifetime_value": rng.randrange(10**6) / 100, "last_visit": "2023-05-22",
    }


FIRST = {
    "external_id": "1001", "email": "emma.johnson@example.com", "phone_number": "+14155552671", "first_name": "Emma", "last_name": "Johnson",
    "gender": "F", "account_created_at": "2021-03-27T04:37:34", "account_updated_at": "2023-08-29T16:30:07", "account_status": "enabled",
    "default_language": "en", "default_currency": "USD", "tags": "vip,summer_sale,repeat_buyer",
    "address": {
        "address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": None, "state": "Texas", "zip": "73301",
        "province_code": "TX", "country_code": "US", "phone_number": "+14155552671",
    },
    "accepts_sms_marketing": True, "accepts_email_marketing": True, "lists": [{"id": "123456", "since": "2023-05-22T11:08:52"}],
    "channels": {
        "sms": {"marketing": {"consent": "subscribed", "timestamp": "2021-09-05T17:50:45"}},
        "email": {"marketing": {"consent": "subscribed", "timestamp": "2023-04-23T11:09:56"}},
    },
    "custom_properties": {"favourite_store": "Austin", "is_wholesale": False, "shoe_size": 38, "lifetime_value": 1234.5},
    "loyalty": {
        "points_balance": 420, "points_earned": 1250, "points_expire_date": "2024-12-31T00:00:00", "credit_balance": 12.5,
        "has_store_account": True, "is_opt_in": True, "opt_in_date": "2021-04-01T09:00:00", "opt_out_date": None,
        "last_seen_at": "2023-08-29T16:30:07", "vip_tier_name": "Gold", "vip_entry_date": "2022-01-01T00:00:00",
        "vip_expiration_date": "2024-01-01T00:00:00", "total_redemptions": 3, "total_points_redeemed": 830, "successful_referrals": 1,
        "referrals_made_and_clicked": 4, "is_referred_by_other_customer": False, "referred_by_customer": None,
    },
    "yotpo_ugc": {
        "total_reviews": 7, "avg_product_rating": 4.6, "avg_site_rating": 5, "total_avg_rating": 4.7, "sentiment_avg_product": 0.82,
        "sentiment_avg_site": 0.9, "total_avg_sentiment": 0.84, "last_sentiment": 0.77, "top_topics": ["sizing", "delivery"],
        "last_star_rating": 5, "last_review_date": "2023-07-30T08:15:00",
    },
}


def customer(number, earlier):
    first, last, language = rng.choice(NAMES)
    email = f"shopper.{number}@example.{rng.choice(['com', 'org', 'net'])}"
    phone = f"+1555{number:07}"
    one = {}
    if chance(0.7):
        one["external_id"] = str(10**12 + number) if chance(0.7) else f"c-{number}-ß"
        one["email"], one["phone_number"] = some(email, 0.9), some(phone, 0.6)
    else:
        kind = rng.randrange(3)
        one["email"] = None if kind == 1 else email
        one["phone_number"] = None if kind == 0 else phone
    if earlier and number % (CUSTOMERS // SHARED_EMAILS) == 0:
        one["email"] = rng.choice([e["email"] for e in earlier if e.get("email")]).upper()
    if earlier and number % (CUSTOMERS // SHARED_PHONES) == 7:
        one["phone_number"] = rng.choice([e["phone_number"] for e in earlier if e.get("phone_number")])
    if chance(0.9):
        one["first_name"], one["last_name"], one["default_language"] = first, last, language
    for name, value, share in [
        ("gender", rng.choice(["F", "M", "Other"]), 0.6), ("account_created_at", moment(), 0.8), ("account_updated_at", moment(), 0.8),
        ("account_status", rng.choice(["enabled", "disabled", "invited", "declined"]), 0.8), ("default_currency", rng.choice(CURRENCIES), 0.7),
        ("tags", rng.choice(TAGS), 0.5), ("address", address(), 0.6), ("accepts_sms_marketing", chance(0.5), 0.6),
        ("accepts_email_marketing", chance(0.5), 0.6), ("channels", channels(), 0.8), ("custom_properties", custom_properties(number), 0.3),
        ("loyalty", loyalty(), 0.3), ("yotpo_ugc", reviews(), 0.3),
    ]:
        if chance(share):
            one[name] = value
    memberships = rng.choice([0, 0, 1, 1, 2, 5])
    one["lists"] = [{"id": str(100 + at), "since": moment()} for at in range(memberships)]
    return one


def event(number, customers):
    someone = rng.choice(customers)
    source, kind = TYPES[number % len(TYPES)]
    name = next(name for name in ("external_id", "email", "phone_number") if someone.get(name))
    one = {"unique_id": f"evt-{number}", "type": kind, "timestamp": moment(), "customer": {name: someone[name]}}
    if source:
        one["source"] = source
    if chance(0.7):
        one["properties"] = {"order_id": str(number), "amount": number * 1.5, "gift": chance(0.5)}
    return one


def check(customers, events):
    """Stops unless everything is there for which the tests use the file."""
    ids = [c["external_id"] for c in customers if c.get("external_id")]
    assert len(ids) == len(set(ids)) and 0.6 < len(ids) / len(customers) < 0.8
    unclaimed = [c for c in customers if not c.get("external_id")]
    for email, phone in [(True, False), (False, True), (True, True)]:
        assert any(bool(c.get("email")) == email and bool(c.get("phone_number")) == phone for c in unclaimed)
    emails = [c["email"] for c in customers if c.get("email")]
    assert len({e.lower() for e in emails}) < len(set(emails)) and len(set(emails)) > 800
    phones = [c["phone_number"] for c in customers if c.get("phone_number")]
    assert len(set(phones)) < len(phones)
    states = {json.dumps(c["channels"].get(n), default=str)[:26] for c in customers if "channels" in c for n in ("sms", "email")}
    assert {"null", "{}"} <= states
    marketings = [c["channels"]["email"]["marketing"] for c in customers if c.get("channels", {}).get("email", {}).get("marketing")]
    assert {m["consent"] for m in marketings} == set(CONSENTS)
    assert {m["suppressions"]["suppression_reason"] for m in marketings if "suppressions" in m} == {REASON}
    assert {len(c["lists"]) for c in customers} >= {0, 1, 2, 5}
    for name in ("loyalty", "yotpo_ugc"):
        sizes = {len(c[name]) for c in customers if name in c}
        assert len(sizes) > 1 and any(name not in c for c in customers)
    assert any(not (c.get("first_name") or "x").isascii() for c in customers) and any(",," in (c.get("tags") or "") for c in customers)
    assert len({e["unique_id"] for e in events}) == EVENTS and {len(e["customer"]) for e in events} == {1}
    assert {next(iter(e["customer"])) for e in events} == {"external_id", "email", "phone_number"}


def main():
    customers = [FIRST]
    while len(customers) < CUSTOMERS:
        customers.append(customer(1001 + len(customers), customers))
    events = [event(number, customers) for number in range(1, EVENTS + 1)]
    check(customers, events)
    lines = lambda things: ",\n".join(json.dumps(thing, ensure_ascii=False, separators=(",", ":")) for thing in things)
    text = f'{{"stores":[{{"id":"shop","customers":[\n{lines(customers)}\n],"events":[\n{lines(events)}\n]}}]}}\n'
    (Path(__file__).parent / "shop.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
