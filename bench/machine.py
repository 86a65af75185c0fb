"""The machine: its cores, what it is, the programs that are needed, and processes that are started, looked at and ended."""

import contextlib
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# How long a server may take to start, and to stop.
PATIENCE = 120

LEAST_OPEN_FILES = 256


class Failure(Exception):
    """What went wrong, and what to do about it."""

    def __init__(self, error, hint):
        super().__init__(f"error: {error}\nhint: {hint}")


def tell(words):
    print(words, file=sys.stderr, flush=True)


def cores():
    """The core of the servers and that of the load, which is this process's own, too."""
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) < 2:
        raise Failure(f"this process may run on {len(ours)} core", "a server and its load need one core each")
    return ours[-1], ours[0]


def need(program, hint):
    """The path of a program."""
    path = shutil.which(program)
    if path is None:
        raise Failure(f"`{program}` is missing", hint)
    return path


def first_line(*command):
    """What a program says about its version."""
    try:
        told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    except OSError:
        return f"no {command[0]}"
    return next(iter(told.splitlines()), "").strip()


def described():
    """The machine in a line, and the versions in another."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores_there = f"{os.cpu_count()} cores, {len(os.sched_getaffinity(0))} of them ours"
    wrk = first_line("wrk", "-v").partition(" Copyright")[0]
    return (
        f"{model}, {cores_there}, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        f"{first_line('rustc', '--version')}; {wrk}; Python {platform.python_version()}",
    )


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def exchange(port, request):
    """Sends one request on a connection of its own; gives the bytes of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        return answer_from(connection)


def answer_from(connection):
    """One whole answer, as it came."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    parts, missing = [answer], int(lengths[0] if lengths else 0) - len(body)
    while missing > 0:
        parts.append(received(connection))
        missing -= len(parts[-1])
    return b"".join(parts)


def received(connection):
    data = connection.recv(1 << 20)
    if not data:
        raise Failure("a server closed the connection in the middle of an answer", "run it by hand and look at its log")
    return data


class Server:
    """A server on a core of its own; ended at the end of a `with`."""

    def __init__(self, name, command, core):
        self.name, self.core = name, core
        self.port = free_port()
        command = [str(part).replace("{port}", str(self.port)) for part in command]
        self.log = tempfile.TemporaryFile()
        try:
            with on(core):
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        except OSError as error:
            raise Failure(f"cannot start `{command[0]}`: {error.strerror}", "is it built, and may it be run?") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def wait(self, request, patience=PATIENCE):
        """Asks until it is answered with 200; gives the answer."""
        until = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError, Failure):
                answer = exchange(self.port, request)
                if b" 200 " in answer.split(b"\r\n")[0]:
                    return answer
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with {self.process.returncode}", f"its last words: {self.last_words()}")
            if time.monotonic() > until:
                raise Failure(f"{self.name} does not answer with 200 within {patience} s", f"its last words: {self.last_words()}")
            time.sleep(0.005)

    def last_words(self):
        self.log.seek(0)
        return self.log.read()[-600:].decode(errors="replace").strip() or "none"

    def cpu_seconds(self):
        """What its threads, and those of the processes that it started, have run so far."""
        return sum(cpu_seconds(pid) for pid in family(self.pid))

    def resident_kib(self):
        return sum(resident_kib(pid) for pid in family(self.pid))


@contextlib.contextmanager
def on(*these):
    """This thread, and the processes that it starts, run on these cores until the end of the `with`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, these)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pid):
    """A process and all that it started, and so on."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            pids += family(int(child))
    return pids


def cpu_seconds(pid):
    """To the nanosecond, where `/proc/PID/stat` counts in hundredths of a second."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def children_seconds():
    """What the processes that were waited for have run, all together."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def prepare():
    """Looks whether everything is there that a run needs."""
    if sys.platform != "linux":
        raise Failure(f"this is {sys.platform}", "the benchmark reads /proc: run it on Linux")
    need("cargo", "install Rust from https://rustup.rs")
    if shutil.which("wrk") is None:
        tell("wrk is missing: asking apt-get for it")
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "wrk"]):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        need("wrk", "install it: `sudo apt-get install wrk`, or from https://github.com/wg/wrk")
    if not pathlib.Path("/proc/self/schedstat").exists():
        raise Failure("/proc/self/schedstat is missing", "the kernel must be built with CONFIG_SCHED_INFO, as nearly all are")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < LEAST_OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, LEAST_OPEN_FILES), hard))
    # Whoever ends this run ends what it started: a signal leaves through every `with`.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
