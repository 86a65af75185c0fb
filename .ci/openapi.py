"""Uses the generated Python clients against a running emulator, as `yotpo-mock exec` started it."""

import os

import control
import control.api.faults.add_fault
import control.api.requests.verify_requests
import control.models
import customers
import customers.api.customers.retrieve_customers
import customers.api.customers.upsert_customer
import customers.models

url = os.environ["YOTPO_API_URL"]
yotpo = customers.Client(base_url=url, headers={"X-Yotpo-Token": "any"})
mock = control.Client(base_url=url, raise_on_unexpected_status=True)

fault = {"match": {"operation": "retrieveCustomers", "query": {"limit": "1"}}, "status": 503, "times": 1}
fault = control.api.faults.add_fault.sync(client=mock, body=control.models.FaultSpec.from_dict(fault))
assert isinstance(fault, control.models.Fault), fault

write = {"customer": {"external_id": "c-1", "accepts_sms_marketing": True, "accepts_email_marketing": "false"}}
written = customers.api.customers.upsert_customer.sync(
    "shop", client=yotpo, body=customers.models.UpsertCustomerRequest.from_dict(write)
)
assert isinstance(written, customers.models.Empty), written
page = customers.api.customers.retrieve_customers.sync_detailed("shop", client=yotpo)
found = page.parsed.customers[0]
assert (found.external_id, found.accepts_sms_marketing, found.accepts_email_marketing) == ("c-1", True, False), found
limited = customers.api.customers.retrieve_customers.sync_detailed("shop", client=yotpo, limit=1)
assert limited.status_code == 503, limited

expected = {"store": "shop", "operation": "retrieveCustomers", "query": {"limit": "1"}, "count": 1}
verified = control.api.requests.verify_requests.sync(
    client=mock, body=control.models.Expectation.from_dict(expected)
)
assert verified.matched == 1, verified
print("the generated clients write, read, inject a fault and verify a request")
