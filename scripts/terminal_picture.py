"""Draws docs/terminal.svg, the picture in the README, from a real run.

    pip install rich==15.0.0
    python3 scripts/terminal_picture.py target/release/yotpo-mock            # writes the picture
    python3 scripts/terminal_picture.py target/release/yotpo-mock --check    # fails if it is out of date

The emulator runs on port 4600, and its log in a terminal of its own, so that it has colours. Times and durations are replaced by fixed
ones.
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE = Path(__file__).resolve().parent.parent / "docs/terminal.svg"
COLUMNS = 118
API = "http://127.0.0.1:4600/core/v3/stores/shop"
COMMANDS = [
    f"API={API}",
    """curl -s -X PATCH -H 'X-Yotpo-Token: any' $API/customers --json '{"customer":{"email":"ann","gender":"female"}}' | jq""",
    """curl -s http://127.0.0.1:4600/_mock/faults -o fault.json --json '{"times": 1, "status": 503}'""",
    """curl -s --retry 1 -X PATCH -H 'X-Yotpo-Token: any' $API/customers --json '{"customer":{"external_id":"c-1"}}'""",
]
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def main():
    binary = Path(sys.argv[1]).resolve()
    picture = draw(*run(binary))
    if "--check" not in sys.argv:
        PICTURE.write_text(picture, encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"docs/terminal.svg is out of date: python3 {sys.argv[0]} {sys.argv[1]}")


def run(binary):
    """The output of each command, and the lines of the log."""
    screen, terminal = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    # jq has colours in a terminal, too.
    jq = "jq() { command jq -C; }\n"
    emulator = subprocess.Popen([binary], stdout=subprocess.PIPE, stderr=terminal, env=environment)
    os.close(terminal)
    try:
        if not emulator.stdout.readline():
            sys.exit(f"the emulator did not start: {read(screen)}")
        outputs = [
            subprocess.run(["bash", "-c", f"{jq}API={API}\n{command}"], check=True, capture_output=True, text=True, cwd="/tmp").stdout
            for command in COMMANDS
        ]
    finally:
        emulator.terminate()
        emulator.wait()
    log = re.findall(r"^.*#\d+ PATCH.*$", read(screen), re.MULTILINE)
    log = [re.sub(r"\d\d:\d\d:\d\d\.\d{3}Z", "09:30:00.000Z", line) for line in log]
    return outputs, [re.sub(r" *\d+\.\d ms", "   0.2 ms", line) for line in log]


def read(screen):
    """All that was written to a terminal whose other end is closed."""
    text = b""
    try:
        while part := os.read(screen, 65536):
            text += part
    except OSError:
        pass
    return text.decode().replace("\r", "")


def draw(outputs, log):
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True, color_system="truecolor")

    def command(text):
        console.print(Text("$ ", style="bold green") + Text(text, style="bold"))

    command("yotpo-mock &")
    console.print("yotpo-mock listening on http://127.0.0.1:4600", highlight=False)
    for text, output in zip(COMMANDS, outputs):
        command(text)
        console.print(Text.from_ansi(output.rstrip()), end="\n" if output else "")
    console.print()
    console.print("# what the emulator logged", style="dim")
    for line in log:
        console.print(Text.from_ansi(line), overflow="ellipsis", no_wrap=True)
    svg = console.export_svg(title="yotpo-mock", theme=MONOKAI, unique_id="terminal")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")


main()
