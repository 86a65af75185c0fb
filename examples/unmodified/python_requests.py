"""Saves five customers and reads them back page by page. Replaces a rejected token."""

import requests

SHOP = "https://api.yotpo.com/core/v3/stores/shop"
session = requests.Session()


def log_in():
    response = session.post(f"{SHOP}/access_tokens", json={"secret": "s3cret"})
    response.raise_for_status()
    session.headers["X-Yotpo-Token"] = response.json()["access_token"]


def call(method, path, **options):
    response = session.request(method, f"{SHOP}/{path}", **options)
    if response.status_code in (401, 403):
        log_in()
        response = session.request(method, f"{SHOP}/{path}", **options)
    response.raise_for_status()
    return response.json()


log_in()
for n in range(1, 6):
    call("PATCH", "customers", json={"customer": {"external_id": f"c-{n}", "first_name": "Ann"}})

ids, query = [], "limit=1"
while query:
    page = call("GET", f"customers?{query}")
    ids += [customer["external_id"] for customer in page["customers"]]
    following = page["pagination"]["next_page_info"]
    query = following and f"page_info={following}"
print("read", *ids)
