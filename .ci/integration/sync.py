"""The integration under test in the examples of the docs."""

import requests


def save_customer(api_url, secret, customer):
    """Creates or updates a customer, and tries once more after a server error."""
    token = requests.post(f"{api_url}/access_tokens", json={"secret": secret}).json()["access_token"]
    for _ in range(2):
        response = requests.patch(f"{api_url}/customers", json={"customer": customer}, headers={"X-Yotpo-Token": token})
        if response.status_code < 500:
            break
    response.raise_for_status()
