"""The machine: its cores and versions, required programs, and server processes."""

import contextlib
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

# The longest that a server may take to start, and to answer, in seconds.
TIMEOUT = 120

MIN_OPEN_FILES = 256


class Failure(Exception):
    """What went wrong, and what to do about it."""

    def __init__(self, error, hint):
        super().__init__(f"error: {error}\nhint: {hint}")


def log(text):
    print(text, file=sys.stderr, flush=True)


def cores():
    """The core for servers, and the core for the load, which includes this process."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise Failure(f"this process may run on {len(available)} core", "a server and its load need one core each")
    return available[-1], available[0]


def two_cores(core, load_core):
    """The cores for a server with two workers: besides the load's core, if there are more than two."""
    others = [other for other in sorted(os.sched_getaffinity(0)) if other not in (core, load_core)]
    return core, (others or [load_core])[-1]


def require(program, hint):
    """The path of a program."""
    path = shutil.which(program)
    if path is None:
        raise Failure(f"`{program}` is missing", hint)
    return path


def first_line(*command):
    """The first line that a command prints, usually its version."""
    try:
        output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    except OSError:
        return f"no {command[0]}"
    return next(iter(output.splitlines()), "").strip()


def describe():
    """The machine in one line, and the versions in another."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    core_counts = f"{os.cpu_count()} cores, {len(os.sched_getaffinity(0))} available"
    wrk = first_line("wrk", "-v").partition(" Copyright")[0]
    return (
        f"{model}, {core_counts}, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        f"{first_line('rustc', '--version')}; {wrk}; Python {platform.python_version()}",
    )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def connect(port, scheme="http"):
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme == "http":
        return connection
    context = ssl.create_default_context()
    # wrk accepts any certificate, too.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    secured = context.wrap_socket(connection, server_hostname="localhost")
    if secured.version() != "TLSv1.3":
        raise Failure(f"a server chose {secured.version()}", "the benchmark compares TLS 1.3")
    return secured


def exchange(port, request, scheme="http"):
    """Sends one request on its own connection and returns the bytes of the response."""
    with connect(port, scheme) as connection:
        connection.sendall(request)
        return read_response(connection)


def read_response(connection):
    """Reads one complete response with a `Content-Length`."""
    response = b""
    while b"\r\n\r\n" not in response:
        response += receive(connection)
    head, _, body = response.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    parts, missing = [response], int(lengths[0] if lengths else 0) - len(body)
    while missing > 0:
        parts.append(receive(connection))
        missing -= len(parts[-1])
    return b"".join(parts)


def receive(connection):
    data = connection.recv(1 << 20)
    if not data:
        raise Failure("a server closed the connection in the middle of a response", "run it by hand and check its log")
    return data


class Server:
    """A server process on its own cores, terminated at the end of a `with`."""

    def __init__(self, name, command, *cores, scheme="http"):
        self.name, self.scheme = name, scheme
        self.port = free_port()
        command = [str(part).replace("{port}", str(self.port)) for part in command]
        self.log = tempfile.TemporaryFile()
        try:
            with pinned_to(*cores):
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        except OSError as error:
            raise Failure(f"cannot start `{command[0]}`: {error.strerror}", "check that it is built and executable") from error

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

    def wait_for(self, request, timeout=TIMEOUT):
        """Sends a request until it is answered with 200, and returns the response."""
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError, Failure):
                response = exchange(self.port, request, self.scheme)
                if b" 200 " in response.split(b"\r\n")[0]:
                    return response
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with {self.process.returncode}", f"end of its output: {self.end_of_output()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} does not answer with 200 within {timeout} s", f"end of its output: {self.end_of_output()}")
            time.sleep(0.005)

    def end_of_output(self):
        self.log.seek(0)
        return self.log.read()[-600:].decode(errors="replace").strip() or "none"

    def cpu_seconds(self):
        """CPU time of all its threads and child processes so far."""
        return sum(cpu_seconds(pid) for pid in process_tree(self.pid))

    def resident_kib(self):
        return sum(resident_kib(pid) for pid in process_tree(self.pid))


@contextlib.contextmanager
def pinned_to(*these):
    """Runs this thread, and the processes that it starts, on these cores until the end of the `with`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, these)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def process_tree(pid):
    """A process and all its descendants."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            pids += process_tree(int(child))
    return pids


def cpu_seconds(pid):
    """From schedstat, which counts nanoseconds: /proc/PID/stat counts hundredths of a second."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def children_cpu_seconds():
    """CPU time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def prepare():
    """Checks for everything that a run needs, and installs wrk if possible."""
    if sys.platform != "linux":
        raise Failure(f"the system is {sys.platform}", "the benchmark reads /proc: run it on Linux")
    require("cargo", "install Rust from https://rustup.rs")
    if shutil.which("wrk") is None:
        log("wrk is missing: installing it with apt-get")
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "wrk"]):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        require("wrk", "install it: `sudo apt-get install wrk`, or from https://github.com/wg/wrk")
    if not pathlib.Path("/proc/self/schedstat").exists():
        raise Failure("/proc/self/schedstat is missing", "use a kernel with CONFIG_SCHED_INFO, as nearly all have")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < MIN_OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MIN_OPEN_FILES), hard))
    # Exits through every `with`, so that all servers are terminated.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
