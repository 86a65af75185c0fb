"""Runs one client of examples/unmodified, and checks its requests in the mock's report.

    yotpo-mock exec --store shop:s3cret -- python3 .ci/clients.py NAME COMMAND…

While the client reads pages, the mock's clock advances by fifteen days: the token expires, and the client must fetch another.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

IDS = "c-1 c-2 c-3 c-4 c-5"
PAGES = len(IDS.split())
# The delay of each page, so that the clock can advance between two of them.
PAGE_DELAY_MS = 150
TIMEOUT_S = 60


def call(method, path, body=None):
    request = urllib.request.Request(
        f"{os.environ['YOTPO_API_URL']}/_mock/{path}",
        method=method,
        data=body and json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def main():
    name, *command = sys.argv[1:]
    call("POST", "faults", {"match": {"operation": "retrieveCustomers"}, "delay_ms": PAGE_DELAY_MS})
    started = time.monotonic()
    client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while client.poll() is None and time.monotonic() - started < TIMEOUT_S:
        if call("GET", "requests?operation=retrieveCustomers")["requests"]:
            call("POST", "clock/advance", {"seconds": 15 * 24 * 3600})
            break
        time.sleep(0.01)
    try:
        printed = client.communicate(timeout=TIMEOUT_S)[0].strip()
    except subprocess.TimeoutExpired:
        client.kill()
        printed = client.communicate()[0].strip()
    took = time.monotonic() - started

    calls = call("GET", "report")["calls"]
    expected = {
        "createAccessToken": {"200": 2},
        "upsertCustomer": {"200": PAGES},
        "retrieveCustomers": {"200": PAGES, "401": 1},
    }
    wrong = [f"it exited with {client.returncode}"] if client.returncode else []
    if printed != f"read {IDS}":
        wrong.append(f"it printed {printed!r}")
    if calls != expected:
        wrong.append(f"the mock received {json.dumps(calls)} instead of {json.dumps(expected)}")
    if wrong:
        print(f"FAILED  {name}: {'; '.join(wrong)}")
        sys.exit(1)
    print(f"ok      {name}: two tokens, {PAGES} customers written, {PAGES} pages read, in {took:.1f} s")


main()
