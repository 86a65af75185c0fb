"""Runs the ten tests in two workers, and compares what pytest prints with `expected.txt`."""

import difflib
import re
import subprocess
import sys
from pathlib import Path

command = [sys.executable, "-m", "pytest", "-n", "2", "--tb=short", "-p", "no:cacheprovider"]
result = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=Path(__file__).parent)
print(result.stdout)
# Numbers, random ids and the worker of a test differ from run to run.
found = re.search(r"^=+ FAILURES =+$.*?(?=^=+ short test summary)", result.stdout, re.MULTILINE | re.DOTALL)
output = found[0] if found else result.stdout
output = re.sub(r"^=+ |^_+ |^-+ | =+$| _+$| -+$|^\[gw.*\n", "", output, flags=re.MULTILINE)
output = re.sub(r"-[0-9a-f]{8}\b", "-XXXXXXXX", output)
output = re.sub(r"#\d+|request \d+", "#N", output)
expected = Path(__file__).with_name("expected.txt").read_text(encoding="utf-8")
difference = list(difflib.unified_diff(expected.splitlines(), output.splitlines(), "expected", "printed", lineterm=""))
print("\n".join(difference))
sys.exit(1 if difference or result.returncode != 1 else 0)
