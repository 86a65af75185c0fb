"""Runs one client of examples/unmodified, and looks at what the mock has seen of it.

    yotpo-mock exec --store shop:s3cret -- python3 .ci/clients.py NAME COMMAND…

While the client pages, fifteen days pass: its token dies, and it must fetch another. It is asked of the mock, not of the client,
whether all of that came to pass.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

IDS = "c-1 c-2 c-3 c-4 c-5"
PAGES = len(IDS.split())
# So long takes each page: time enough for the days to pass between two of them.
PAGE_MS = 150
PATIENCE_S = 60


def ask(method, path, body=None):
    request = urllib.request.Request(
        f"{os.environ['YOTPO_API_URL']}/_mock/{path}",
        method=method,
        data=body and json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def main():
    name, *command = sys.argv[1:]
    ask("POST", "faults", {"match": {"operation": "retrieveCustomers"}, "delay_ms": PAGE_MS})
    started = time.monotonic()
    client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while client.poll() is None and time.monotonic() - started < PATIENCE_S:
        if ask("GET", "requests?operation=retrieveCustomers")["requests"]:
            ask("POST", "clock/advance", {"seconds": 15 * 24 * 3600})
            break
        time.sleep(0.01)
    try:
        printed = client.communicate(timeout=PATIENCE_S)[0].strip()
    except subprocess.TimeoutExpired:
        client.kill()
        printed = client.communicate()[0].strip()
    took = time.monotonic() - started

    calls = ask("GET", "report")["calls"]
    expected = {
        "createAccessToken": {"200": 2},
        "upsertCustomer": {"200": PAGES},
        "retrieveCustomers": {"200": PAGES, "401": 1},
    }
    wrong = [f"it ended with {client.returncode}"] if client.returncode else []
    if printed != f"read {IDS}":
        wrong.append(f"it printed {printed!r}")
    if calls != expected:
        wrong.append(f"the mock saw {json.dumps(calls)}, and not {json.dumps(expected)}")
    if wrong:
        print(f"FAILED  {name}: {'; '.join(wrong)}")
        sys.exit(1)
    print(f"ok      {name}: two tokens, {PAGES} customers written, {PAGES} pages read, in {took:.1f} s")


main()
