"""Spreading work over processes: order, memory, workers that die, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest

from alerts.tuning.pool import AHEAD, ordered_map, worker_count
from tests.tuning.conftest import rows, write_lines
from tests.tuning.work import die_at_seven, square_slowly


def test_answers_keep_the_order_of_the_questions_and_come_from_several_processes() -> None:
    answers = list(ordered_map(square_slowly, range(60), workers=2, here=3))
    assert [value for value, _ in answers] == [number * number for number in range(60)]
    processes = [process for _, process in answers]
    assert set(processes[:3]) == {os.getpid()}
    assert os.getpid() not in processes[3:]


@pytest.mark.parametrize(("questions", "workers"), [(3, 2), (9, 1)])
def test_little_work_starts_no_process(questions: int, workers: int) -> None:
    answers = list(ordered_map(square_slowly, range(questions), workers=workers, here=3))
    assert {process for _, process in answers} == {os.getpid()}


def test_questions_are_taken_as_they_are_needed() -> None:
    asked: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            asked.append(number)
            yield number

    answers = ordered_map(square_slowly, endless(), workers=2, here=2)
    assert [value for value, _ in islice(answers, 10)] == [number * number for number in range(10)]
    assert len(asked) <= 10 + 2 * AHEAD + 2
    answers.close()


def test_a_worker_that_is_ended_from_outside_is_an_error_with_words() -> None:
    with pytest.raises(ChildProcessError, match="ended from outside"):
        list(ordered_map(die_at_seven, range(30), workers=2, here=1))


def test_as_many_workers_as_wanted_or_as_there_are_processors() -> None:
    assert worker_count(5) == 5
    assert worker_count() >= 1


def test_ctrl_c_ends_reading_in_bulk_without_a_word_of_python(tmp_path: Path, wire: Path) -> None:
    file = write_lines(tmp_path / "many.jsonl", rows(3000) * 20)
    command = [Path(sys.executable).with_name("ceasewire"), "--config", wire, "rules", "read", file, "--json"]
    with subprocess.Popen(
        list(map(str, [*command, "--workers", "2"])),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the suite itself runs in the background Ctrl-C is ignored, and children would inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other thread runs here
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        # As a terminal does it: the signal goes to the workers too.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.split() == ["stopped"]
