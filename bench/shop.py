"""The shop that is measured: customers of the vendor's ordinary size, and the requests that a sync client sends about them."""

import json
import random

STORE = "shop"
PATH = f"/core/v3/stores/{STORE}"

# The same requests in the same order at every run.
ORDER = 1


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def customer(number, variant=0):
    """What a client writes about a customer; variants differ in a field or two, so that writing another changes something."""
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
    """A customer as it stands in the store: with what no endpoint writes, too."""
    consent = {"consent": "subscribed", "timestamp": "2023-05-22T11:08:52Z", "suppressions": []}
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
    """A seed of customers: lines of JSON."""
    # One is written out and the others follow its pattern: a million would take a minute otherwise.
    line = compact({"store": STORE, "customer": seeded(0)})
    marks = [('"external_id":"0"', '"external_id":"{0}"'), ("shopper.0@", "shopper.{0}@"), ("+1000000000000", "+1{0:012}")]
    pattern = line.replace("{", "{{").replace("}", "}}")
    for concrete, marked in marks:
        pattern = pattern.replace(concrete, marked, 1)
    return "\n".join(map(pattern.format, numbers)).encode()


class Client:
    """Writes down requests of one client: each with the token that it was given, and the headers that clients send."""

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

    def lookups(self, customers, most):
        return [self.get(f"email=shopper.{number}%40example.com") for number in some(customers, most)]

    def upserts(self, customers, most):
        """First the one variant of each, then the other: every write changes what the one before it wrote."""
        numbers = some(customers, most)
        return [self.patch("customers", {"customer": customer(number, variant)}) for variant in (1, 0) for number in numbers]

    def events(self, customers, most):
        numbers = some(customers, most)
        return [self.patch("customer_events", {"customer_event": event(number, variant)}) for variant in (1, 0) for number in numbers]


def some(customers, most):
    """So many numbers of customers from all over the store, in an order that has nothing to do with theirs."""
    return random.Random(ORDER).sample(range(customers), min(customers, most))


def write_down(path, requests):
    """Writes requests as `replay.lua` reads them."""
    path.write_bytes(b"".join(b"%d\n%s" % (len(request), request) for request in requests))
    return path
