"""`rules sample`: articles drawn at random, judged by a key each on a terminal, or in a table that goes out and in."""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.scoring import judge
from alerts.cli.tuning import called_right, configured, days_option, json_option, place_of, window_of

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.ledger.verdicts import Drawn, Sample
    from alerts.tuning.scan import Window
    from crawler.archive import Archive
    from crawler.articles import Article

EPILOG = """\b
On a terminal each article is shown and one key judges it: r relevant, n not, u unsure, s skip, q quit. Elsewhere, and
with --out, a table of tab-separated values is written; fill in its last column and give it back with --in.
\b
Examples:
  ceasewire rules sample ceasefire-violated --n 40
  ceasewire rules sample ceasefire-violated --n 40 --out judge.tsv
  ceasewire rules sample --in judge.tsv --by ana
  ceasewire rules sample --resume 3            go on with draw 3
  ceasewire rules score                        what the verdicts say of the rules
\b
Exit codes: 0 fine, 1 no article to draw from, 2 wrong call, 65 a line of the table is wrong (then nothing is stored).
"""
COLUMNS = ("sample", "position", "article", "url", "title", "text", "verdict")
KEYS = {"r": "relevant", "n": "not", "u": "unsure"}
_OPENING = 900


@click.command(epilog=EPILOG)
@click.argument("rule", required=False)
@click.option("--n", "size", type=click.IntRange(1, 5000), default=40, show_default=True, help="Articles to draw.")
@days_option
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Draw as another draw was drawn [default: random].")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the table to this file.")
@click.option("--in", "filled", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read verdicts.")
@click.option("--resume", type=int, metavar="DRAW", help="Go on with an earlier draw.")
@click.option("--by", help="Who judges [default: your login name].")
@json_option
@click.pass_obj
def sample(state: common.State, /, rule: str | None, **options: object) -> int:
    """Draw articles at random to judge whether RULE's topic is in them, and record the verdicts.

    Drawn within three strata, so that rare flags are among them: articles that RULE flags, those it nearly flags (one
    part is missing at most), and the rest. The draw is recorded with its seed and the size of each stratum; `rules
    score` weighs the answers by these. You are not told which stratum an article is of.
    """
    if (rule is not None) + (options["filled"] is not None) + (options["resume"] is not None) != 1:
        raise click.UsageError("name a rule, or give --in FILE or --resume DRAW")
    configuration = configured(state)
    by = str(options["by"] or judge())
    with common.open_database(configuration) as archive:
        if isinstance(options["filled"], Path):
            return _take_in(archive, options["filled"], by, as_json=bool(options["as_json"]))
        if rule is not None:
            given = options["seed"]
            seed = given if isinstance(given, int) else secrets.randbelow(2**31)
            window = window_of(int(str(options["days"])))
            number = _draw(configuration, archive, rule, window, (int(str(options["size"])), seed))
        else:
            number = int(str(options["resume"]))
        if number is None:
            click.echo("there is no article to draw from: none was stored in these days", err=True)
            return common.FINDING
        return _ask(archive, number, by, options["out"], as_json=bool(options["as_json"]))


def _draw(
    configuration: Configuration, archive: Archive, name: str, window: Window, how: tuple[int, int]
) -> int | None:
    """Draw and record; the id of the draw, or None when there is nothing to draw from."""
    from alerts.ledger.verdicts import Sample, add_sample
    from alerts.tuning.rulebook import UnknownRuleError, select
    from alerts.tuning.sampling import STRATA, Urn, sorter
    from alerts.tuning.scan import extent, scan

    size, seed = how
    now = common.utc_now()
    with called_right():
        chosen = select(place_of(configuration), configuration.rule_set, [name])
        if len(chosen.rules) != 1:
            raise UnknownRuleError(f"{name} is not one rule")
    rule = chosen.rules[0]
    urn, reach = Urn(size), extent(archive, window)
    with common.progress_bar() as progress:
        for chunk in scan(archive, window, sorter(chosen, configuration.sources, seed), reach):
            urn.add(chunk)
            if progress is not None:
                progress(urn.population.total(), reach.articles, "articles")
    drawn = urn.draw(seed)
    if not drawn:
        return None
    strata = {stratum: urn.population[stratum] for stratum in STRATA}
    draw = Sample(0, rule.id, rule.topic, configuration.rule_set.hash, seed, window.since, now, strata)
    with archive.write() as connection:
        return add_sample(connection, draw, drawn)


@dataclass(frozen=True, slots=True)
class _Open:
    """A draw with the articles that nobody has judged yet."""

    sample: Sample
    drawn: Sequence[Drawn]
    articles: dict[int, Article]


def _open(archive: Archive, number: int) -> _Open:
    from alerts.ledger import verdicts
    from crawler.archive.articles import get_articles

    with archive.read() as connection:
        found = verdicts.get_sample(connection, number)
        if found is None:
            known = ", ".join(f"{one.id} ({one.rule})" for one in verdicts.list_samples(connection))
            raise click.UsageError(f"there is no draw {number}; known are {known or 'none'}")
        drawn = verdicts.drawn_articles(connection, number)
        judged = verdicts.judgements(connection, found.topic, [one.article for one in drawn])
        left = [one for one in drawn if one.article not in judged]
        articles = {one.id: one for one in get_articles(connection, [one.article for one in left])}
    return _Open(found, [one for one in left if one.article in articles], articles)


def _ask(archive: Archive, number: int, by: str, out: object, *, as_json: bool) -> int:
    opened = _open(archive, number)
    if isinstance(out, Path):
        out.write_text(_table(opened), "utf-8")
    elif sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
        return _by_keys(archive, opened, by)
    elif not as_json:
        click.echo(_table(opened), nl=False)
        return 0
    draw = opened.sample
    if as_json:
        common.echo_json(
            {
                "sample": draw.id, "rule": draw.rule, "topic": draw.topic, "seed": draw.seed,
                "strata": dict(draw.strata), "open": [one.article for one in opened.drawn],
            }
        )  # fmt: skip
    return 0


def _table(opened: _Open) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
    writer.writerow(COLUMNS)
    for one in opened.drawn:
        article = opened.articles[one.article]
        writer.writerow(
            [
                one.sample,
                one.position,
                article.id,
                article.url,
                _cell(article.title),
                _cell(article.body[:_OPENING]),
                "",
            ]
        )
    return stream.getvalue()


def _cell(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula."""
    line = " ".join(text.replace("\\", "/").split())
    return f"'{line}" if line[:1] in {"=", "+", "-", "@"} else line


def _by_keys(archive: Archive, opened: _Open, by: str) -> int:
    from alerts.ledger.verdicts import add_verdict

    topic, done = opened.sample.topic, 0
    with _keys_at_once():
        for at, one in enumerate(opened.drawn, 1):
            article = opened.articles[one.article]
            click.clear()
            click.echo(f"{at} of {len(opened.drawn)}: is this about {topic}?\n")
            click.secho(article.title, bold=True)
            click.echo(f"{article.source} {article.language} {article.url}\n\n{article.body[:_OPENING]}\n")
            click.echo("r relevant  n not  u unsure  s skip  q quit ", nl=False)
            key = _key()
            click.echo(key)
            if key == "q":
                break
            if key in KEYS:
                with archive.write() as connection:
                    judged = (article.id, article.version)
                    add_verdict(connection, judged, topic, KEYS[key], by, common.utc_now(), one.sample)
                done += 1
    left = len(opened.drawn) - done
    click.echo(
        f"{done} judged" + (f"; {left} left: ceasewire rules sample --resume {opened.sample.id}" if left else "")
    )
    return 0


@contextmanager
def _keys_at_once() -> Iterator[None]:
    """Keys arrive without Enter and unechoed; Ctrl-C still stops."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key() -> str:
    """The next key that means something; the end of input quits."""
    while True:
        typed = os.read(sys.stdin.fileno(), 1)
        key = typed.decode(errors="replace").lower() if typed else "q"
        if key in {*KEYS, "s", "q"}:
            return key


@dataclass(frozen=True, slots=True)
class _Answer:
    sample: int
    article: int
    judgement: str


def _take_in(archive: Archive, file: Path, by: str, *, as_json: bool) -> int:
    """Store the verdicts of a filled-in table: all of them, or none when a line is wrong."""
    from alerts.ledger import verdicts

    answers, problems = _read_table(file)
    numbers = {answer.sample for answer in answers}
    with archive.read() as connection:
        draws = {number: verdicts.get_sample(connection, number) for number in numbers}
        asked = {
            (one.sample, one.article): one.version
            for number in numbers
            for one in verdicts.drawn_articles(connection, number)
        }
    problems += [
        f"{file}: draw {one.sample} did not draw article {one.article}: is the table of this archive?"
        for one in answers
        if (one.sample, one.article) not in asked
    ]
    if problems:
        for problem in problems:
            click.echo(problem, err=True)
        click.echo(f"ceasewire: {len(problems)} wrong lines; nothing was stored", err=True)
        return common.DATA
    with archive.write() as connection:
        for one in answers:
            draw = draws[one.sample]
            assert draw is not None
            judged = (one.article, asked[one.sample, one.article])
            verdicts.add_verdict(connection, judged, draw.topic, one.judgement, by, common.utc_now(), one.sample)
    if as_json:
        common.echo_json({"verdicts": len(answers)})
    else:
        click.echo(f"{len(answers)} verdicts stored", err=True)
    return 0


def _read_table(file: Path) -> tuple[list[_Answer], list[str]]:
    """The lines that have a verdict, and what is wrong with lines."""
    answers: list[_Answer] = []
    problems: list[str] = []
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = next(reader, [])
        if any(name not in names for name in ("sample", "article", "verdict")):
            return [], [f"{file}:1:1: expected the columns {', '.join(COLUMNS)}"]
        for number, cells in enumerate(reader, 2):
            row = dict(zip(names, cells, strict=False))
            word = row.get("verdict", "").strip().lower()
            if not word:
                continue
            judgement = KEYS.get(word, word)
            if judgement not in KEYS.values():
                problems.append(f"{file}:{number}:{len(names)}: {word!r} is no verdict: relevant, not or unsure")
            elif not (row["sample"].isdigit() and row["article"].isdigit()):
                problems.append(f"{file}:{number}:1: `sample` and `article` must stay as they were written")
            else:
                answers.append(_Answer(int(row["sample"]), int(row["article"]), judgement))
    return answers, problems
