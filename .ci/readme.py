"""Runs every command of the README's console blocks with bash and curl, and compares its output with the README.

    python3 .ci/readme.py            needs a mock on the default port
    python3 .ci/readme.py --write    writes the output into the README instead
    python3 .ci/readme.py --script   prints the shell block of the section "In CI"
"""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
# The time of a write, where the request has none: the only part of an answer that differs between runs.
VARYING = re.compile(r'("account_updated_at":)"[^"]*"')
SEPARATOR = "=== next command ==="


def main():
    text = README.read_text(encoding="utf-8")
    if "--script" in sys.argv:
        print(text.split("\n## In CI\n")[1].split("```sh\n")[1].split("```")[0])
        return
    lines = text.split("\n")
    commands, inside = [], False
    for number, line in enumerate(lines):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            commands.append((number, line[2:], []))
        elif inside:
            commands[-1][2].append(line)
    # One shell runs all commands, since they share variables. A separator line follows the output of each.
    script = "".join(f"{command}\necho; echo '{SEPARATOR}'\n" for _, command, _ in commands)
    printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=120).stdout
    outputs = [output.strip("\n").split("\n") for output in printed.split(SEPARATOR)][: len(commands)]
    outputs = [[] if output == [""] else output for output in outputs]
    if "--write" in sys.argv:
        for (number, _, expected), output in reversed(list(zip(commands, outputs))):
            lines[number + 1 : number + 1 + len(expected)] = output
        README.write_text("\n".join(lines), encoding="utf-8")
        return
    wrong = 0
    for (number, command, expected), output in zip(commands, outputs):
        if VARYING.sub(r"\1", "\n".join(expected)) != VARYING.sub(r"\1", "\n".join(output)):
            wrong += 1
            print(f"README.md:{number + 1}: {command}\nexpected {expected}\nprinted  {output}", file=sys.stderr)
    print(f"README: {len(commands) - wrong} commands print the expected output, {wrong} do not")
    sys.exit(1 if wrong or not commands else 0)


main()
