"""Runs the examples of the README and of docs/: `.ci/docs.py BINARY [--write] [FILE…]`.

- A `sh` block runs in bash, in an empty folder, with a new emulator on port 4600. A `json` or `text` block right after it is its
  complete output; `--write` replaces it by the real one.
- A `python`, `ts` or `php` block is a file, named in its first line: `# test_sync.py`. The files of one language on a page are a
  project, whose tests run with pytest, Vitest or PHPUnit under `yotpo-mock exec`. The file `sync` in .ci/integration is the code
  under test.
- A `yaml` block is a workflow of GitHub, a job of GitLab or a Compose file, and valid.
- `<!-- not run: REASON -->` before a block leaves it out.

Rust blocks are run by `cargo test`. Needs jq, Node and, for PHP, PHPUnit.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Times, durations and the numbers of ports and processes differ between runs.
VARYING = [
    (re.compile(r'("account_updated_at": ?)"[^"]*"'), r'\1"TIME"'),
    (re.compile(r'("(?:uptime_ms|duration_us)": ?)\d+'), r"\1N"),
    (re.compile(r'("user-agent": ?)"[^"]*"'), r'\1"AGENT"'),
    (re.compile(r"127\.0\.0\.1:(?!4600\b)\d+"), "127.0.0.1:PORT"),
]
BLOCK = re.compile(r"(<!-- not run: .+ -->\n+)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


EXEC = ["yotpo-mock", "exec", "--quiet", "--store", "shop:s3cret", "--"]


class Example:
    """A `sh` block and the place of its output in the page."""

    def __init__(self, page, command, output):
        self.page, self.command, self.output = page, command, output

    def expected(self):
        return self.output.group(3) if self.output else ""


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    binary = Path(arguments[0]).resolve()
    pages = [Path(name).resolve() for name in arguments[1:]] or [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    os.environ["PATH"] = f"{binary.parent}:{os.environ['PATH']}"
    wrong = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        blocks = [block for block in BLOCK.finditer(text) if not block.group(1)]
        wrong += run_shell_blocks(page, text, blocks, binary, "--write" in sys.argv)
        projects = {language: files(blocks, language) for language in ("python", "ts", "php")}
        wrong += sum(not is_valid(block.group(3)) for block in blocks if block.group(2) == "yaml")
        wrong += sum(not PROJECTS[language](content, binary) for language, content in projects.items() if content)
    print("docs: all examples pass" if wrong == 0 else f"docs: {wrong} examples fail")
    sys.exit(1 if wrong else 0)


def run_shell_blocks(page, text, blocks, binary, write):
    examples = []
    for block, after in zip(blocks, [*blocks[1:], None]):
        if block.group(2) == "sh":
            is_output = after and after.group(2) in ("json", "text") and not text[block.end() : after.start()].strip()
            examples.append(Example(page, block.group(3), after if is_output else None))
    wrong = 0
    for example in reversed(examples):
        printed, status = run(example.command, binary)
        line = text.count("\n", 0, text.index(example.command)) + 1
        if status != 0 or (not example.output and steady(printed).strip()):
            wrong += 1
            print(f"{page.relative_to(ROOT)}:{line}: exit status {status}\n{example.command}{printed}", file=sys.stderr)
        elif example.output and steady(printed) != steady(example.expected()):
            if write:
                start, end = example.output.span(3)
                text = text[:start] + printed + text[end:]
                continue
            wrong += 1
            print(f"{page.relative_to(ROOT)}:{line}:\n{example.command}", file=sys.stderr)
            print(f"expected\n{example.expected()}printed\n{printed}", file=sys.stderr)
    if write:
        page.write_text(text, encoding="utf-8")
    print(f"{page.relative_to(ROOT)}: {len(examples) - wrong} of {len(examples)} commands print the expected output")
    return wrong


def run(script, binary):
    """The output of a script beside a new emulator on the default port, and its exit status."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("YOTPO_MOCK")}
    with tempfile.TemporaryDirectory() as folder:
        own = re.search(r"^yotpo-mock (serve|-)", script, re.MULTILINE)
        emulator = None if own else subprocess.Popen([binary, "--quiet"], stdout=subprocess.PIPE, env=environment)
        try:
            if emulator:
                # The address is printed once requests are answered.
                emulator.stdout.readline()
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=120,
            )
        finally:
            if emulator:
                emulator.terminate()
                emulator.wait()
    printed = ran.stdout.replace(folder, "/work")
    return printed if not printed or printed.endswith("\n") else printed + "\n", ran.returncode


def steady(text):
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def is_valid(yaml):
    """Whether a YAML file matches the schema of its kind."""
    checker = Path(output([ROOT / ".ci/venv", ROOT / "release/lint.txt"])).parent / "check-jsonschema"
    kind = {"name": ["vendor.github-workflows"], "services": ["vendor.compose-spec"]}.get(
        yaml.split(":")[0], ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    )
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(yaml.encode())
        file.flush()
        return subprocess.run([checker, "--builtin-schema", *kind, file.name]).returncode == 0


def files(blocks, language):
    """The files of one language on a page, by the name in their first line."""
    content = {}
    for block in blocks:
        if block.group(2) == language:
            name = re.match(r"(?:<\?php\s+)?(?:#|//) (\S+\.\w+)", block.group(3))
            if not name:
                sys.exit(f"docs: this block does not begin with the name of its file:\n{block.group(3)}")
            content[name.group(1)] = content.get(name.group(1), "") + block.group(3)
    return content


def test(folder, content, command):
    """Writes the files and runs the tests in them."""
    shutil.copytree(ROOT / ".ci/integration", folder, dirs_exist_ok=True)
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    ran = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    print(f"{', '.join(content)}: {'passed' if ran.returncode == 0 else 'failed'}")
    if ran.returncode != 0:
        print("".join(f"--- {name}\n{text}" for name, text in content.items()), ran.stdout, file=sys.stderr)
    return ran.returncode == 0


def python_project(content, binary):
    target = ROOT / "target/docs/python"
    python = target / "bin/python"
    if not python.exists():
        tools = output([ROOT / ".ci/venv", ROOT / "packages/python/requirements.txt"])
        with tempfile.TemporaryDirectory() as wheels:
            build = [tools, "-m", "build", "--no-isolation", "--wheel", "--outdir", wheels, ROOT / "packages/python"]
            subprocess.run(build, env={**os.environ, "BUNDLED_BINARY": str(binary)}, check=True, stdout=subprocess.DEVNULL)
            subprocess.run([sys.executable, "-m", "venv", target], check=True)
            wheel = next(Path(wheels).glob("*.whl"))
            subprocess.run([python, "-m", "pip", "install", "--quiet", wheel, "pytest", "requests"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        return test(Path(folder), content, [*EXEC, python, "-m", "pytest", "-q", "-p", "no:cacheprovider"])


def node_project(content, binary):
    target = ROOT / "target/docs/node"
    if not (target / "node_modules").exists():
        platform = re.search(r"^host: (.*)$", output(["rustc", "-vV"]), re.MULTILINE).group(1)
        with tempfile.TemporaryDirectory() as packed:
            subprocess.run([ROOT / "packages/npm/pack", binary, platform, packed], check=True, stdout=subprocess.DEVNULL)
            target.mkdir(parents=True, exist_ok=True)
            (target / "package.json").write_text('{"private": true, "type": "module"}\n')
            packages = [*sorted(Path(packed).glob("*.tgz")), "vitest@3", "typescript@5", "@types/node@20"]
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", *packages], cwd=target, check=True)
    with tempfile.TemporaryDirectory(dir=target) as folder:
        return test(Path(folder), content, [*EXEC, "npx", "vitest", "run"])


def php_project(content, _binary):
    with tempfile.TemporaryDirectory() as folder:
        return test(Path(folder), content, [*EXEC, "phpunit", "."])


PROJECTS = {"python": python_project, "ts": node_project, "php": php_project}


def output(command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


main()
