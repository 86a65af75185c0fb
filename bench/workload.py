"""The measured store: customers of an ordinary size, and the requests that a sync client sends about them."""

import json
import random

STORE = "shop"
PATH = f"/core/v3/stores/{STORE}"

# Makes all runs send the same requests in the same order.
RANDOM_SEED = 1


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def customer(number, variant=0):
    """The body of a write. The two variants differ, so that writing them by turns always changes the customer."""
    return {
        "external_id": str(number), "email": f"shopper.{number}@example.com", "phone_number": f"+1{number:012}",
        "first_name": "Emma", "last_name": ["Johnson", "Johnson-Smith"][variant], "gender": "F",
        "account_created_at": "2021-03-27T04:37:34", "account_updated_at": "2023-08-29T16:30:07", "account_status": "enabled",
        "default_language": "en", "default_currency": "USD",
        "tags": ["vip,summer_sale,repeat_buyer", "vip,winter_sale"][variant],
        "accepts_sms_marketing": True, "accepts_email_marketing": True,
        "address": {
            "address1": "12 Harbour Street, Building C", "address2": "Flat 3, second floor", "city": "Austin",
            "company": "Johnson & Daughters Ltd.", "state": "Texas", "zip": "73301", "province_code": "TX", "country_code": "US",
            "phone_number": "+14155552671",
        },
        "custom_properties": {
            "favourite_colour": "midnight blue", "shoe_size": 38.5, "club_member": True, "club_level": "gold",
            "birthday_month": "November", "acquired_through": "newsletter_2021_spring", "preferred_shop": "Austin, Congress Avenue",
            "sales_adviser": "Olivia Smith",
        },
    }


def seeded(number):
    """A customer in a seed: also with the fields that no endpoint writes."""
    consent = {"consent": "subscribed", "timestamp": "2023-05-22T11:08:52Z"}
    return customer(number) | {
        "lists": [{"id": "1203441", "since": "2023-05-22T11:08:52Z"}],
        "channels": {"email": {"marketing": consent}, "sms": {"marketing": consent}},
    }


def event(number, variant=0):
    return {
        "source": "returns_desk", "type": "item_returned", "unique_id": f"r-{number}", "timestamp": "2023-08-29T16:30:07",
        "customer": {"external_id": str(number)},
        "properties": {"order_id": "1001", "amount": [12.5, 99.0][variant], "reason": "too small", "desk": "Austin, South Congress Avenue 1204"},
    }


def seed(numbers):
    """A seed of customers as NDJSON."""
    # From a pattern: serializing a million customers would take a minute.
    line = compact({"store": STORE, "customer": seeded(0)})
    placeholders = [('"external_id":"0"', '"external_id":"{0}"'), ("shopper.0@", "shopper.{0}@"), ("+1000000000000", "+1{0:012}")]
    pattern = line.replace("{", "{{").replace("}", "}}")
    for value, placeholder in placeholders:
        pattern = pattern.replace(value, placeholder, 1)
    return "\n".join(map(pattern.format, numbers)).encode()


class Client:
    """Builds the requests of one client, with its token and the headers that clients usually send."""

    def __init__(self, token):
        self.token = token

    def get(self, query):
        head = f"GET {PATH}/customers?{query} HTTP/1.1\r\nHost: localhost:4600\r\nX-Yotpo-Token: {self.token}\r\nAccept: application/json\r\n\r\n"
        return head.encode()

    def patch(self, resource, body):
        body = compact(body).encode()
        head = (
            f"PATCH {PATH}/{resource} HTTP/1.1\r\nHost: localhost:4600\r\nX-Yotpo-Token: {self.token}\r\nAccept: application/json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def lookups(self, customers, maximum):
        return [self.get(f"email=shopper.{number}%40example.com") for number in sample(customers, maximum)]

    def upserts(self, customers, maximum):
        """One variant of each customer, then the other: every write changes its customer."""
        numbers = sample(customers, maximum)
        return [self.patch("customers", {"customer": customer(number, variant)}) for variant in (1, 0) for number in numbers]

    def events(self, customers, maximum):
        numbers = sample(customers, maximum)
        return [self.patch("customer_events", {"customer_event": event(number, variant)}) for variant in (1, 0) for number in numbers]


def sample(customers, maximum):
    """Numbers of customers from all parts of the store, in random order."""
    return random.Random(RANDOM_SEED).sample(range(customers), min(customers, maximum))


def write_requests(path, requests):
    """Writes requests in the format of `replay.lua`."""
    path.write_bytes(b"".join(b"%d\n%s" % (len(request), request) for request in requests))
    return path
