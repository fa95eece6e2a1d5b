"""The house rules that a machine can check: sizes, import costs, what may not be committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LIMIT = 400
FUNCTION_LIMIT = 50
HEAVY = (
    "scrapy",
    "twisted",
    "sqlalchemy",
    "alembic",
    "trafilatura",
    "apscheduler",
    "feedparser",
    "numpy",
    "rich.table",
)


def _python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: the list of committed files is not known")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_files_stay_under_the_size_limit() -> None:
    offenders = {
        str(path.relative_to(ROOT)): count
        for path in _python_files("crawler", "alerts", "tests", "benchmarks")
        if (count := len(path.read_text("utf-8").splitlines())) > FILE_LIMIT
    }
    assert offenders == {}


def test_functions_stay_under_the_size_limit() -> None:
    offenders = []
    # A migration is one list of tables, written by Alembic.
    for path in (path for path in _python_files("crawler", "alerts") if path.parent.name != "versions"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if (length := node.end_lineno - node.lineno + 1) > FUNCTION_LIMIT:
                    offenders.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines")
    assert offenders == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["rules", "--help"], ["rules", "check"], ["config", "check"]],
    ids=" ".join,
)
def test_light_commands_do_not_pay_for_heavy_imports(arguments: list[str]) -> None:
    probe = (
        "import sys\n"
        "from alerts.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    code = end.code\n"
        f"print(sorted(name for name in {HEAVY!r} if name in sys.modules), code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, "--config", str(ROOT / "config"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert done.stderr.splitlines()[-1] == "[] 0", done.stderr + done.stdout


def test_nothing_committed_names_a_machine_or_an_index() -> None:
    # The names come from the machine that runs this, so that the test itself names none.
    places = {ROOT, ROOT.parent, Path.home(), Path(sys.base_prefix)} - {Path("/"), Path("/usr"), Path("/tmp")}
    paths = "|".join(sorted(re.escape(f"{place}/") for place in places))
    forbidden = re.compile(rf"(?<![\w.])(?:{paths})|--(?:extra-)?index-url |files\.pythonhosted")
    found = []
    for path in _committed():
        if path.suffix in {".png", ".gz"} or path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            if forbidden.search(line) and "#!" not in line:
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_locks_hold_names_versions_and_hashes_only() -> None:
    line_kinds = re.compile(
        r"^(?:[a-z0-9._-]+(?:\[[a-z,_-]+\])?==\S+(?: ; .+?)? \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?)$"
    )
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        odd = [line for line in lock.read_text("utf-8").splitlines() if line and not line_kinds.match(line)]
        assert odd == [], lock.name


def test_import_directions_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
