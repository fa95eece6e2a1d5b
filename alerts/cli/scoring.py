"""`rules score` and `rules label`: how good the rules are, by labelled files or by verdicts."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from alerts.cli import common
from alerts.cli.tuning import configured, json_option, workers_option

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.tuning.scoring import Board, Score, Share

SCORE_EPILOG = """\b
A line of --labels is one article:
  {"id": .., "lang": "en", "title": .., "text": .., "labels": {"ceasefire": "yes"}, "length": "short"}
A label is yes, no or borderline. Borderline is left out of precision and recall; how much of it is flagged is told.
Flags of class context never count as their topic.
\b
Intervals are 95 %: Wilson's for precision and recall; for F1 = 2J / (1 + J) Wilson's for J = tp / (tp + fp + fn).
Without --labels the verdicts on random draws (`rules sample`) count, weighted by their strata.
\b
Examples:
  ceasewire rules score --labels labelled.jsonl
  ceasewire rules score --labels labelled.jsonl --by topic,rule --min-f1 0.85
  ceasewire rules score
\b
Exit codes: 0 fine, 1 a topic is under --min-f1, 65 a line is wrong, 78 a rule is wrong.
"""


@click.command(epilog=SCORE_EPILOG)
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="JSON lines.")
@click.option("--min-f1", type=click.FloatRange(0, 1), help="Exit 1 if the F1 of a topic is lower.")
@click.option(
    "--by",
    default="topic,language,length",
    show_default=True,
    help="Of topic, language, length, language+length, class and rule, with commas.",
)
@workers_option
@json_option
@click.pass_obj
def score(
    state: common.State, *, labels: str | None, min_f1: float | None, by: str, workers: int | None, as_json: bool
) -> int:
    """Precision, recall and F1 of the live rules, with intervals."""
    dimensions = _dimensions(by)
    wrong = 0
    notes: Iterable[str] = ()
    if labels is not None:
        board, wrong = _from_labels(state, labels, dimensions, workers or 0)
    else:
        board, notes = _from_verdicts(configured(state), dimensions)
    for (dimension, topic, group), result in board.rows():
        if as_json:
            common.echo_json({"by": dimension, "topic": topic, "group": group, **result.as_dict()})
        elif dimension not in {"class", "rule"} or result.flags:
            click.echo(_line(dimension, topic, group, result))
    for note in notes:
        click.echo(note, err=True)
    if not board.articles and not wrong:
        click.echo("nothing is judged: draw articles with `ceasewire rules sample RULE`, or give --labels", err=True)
    low = board.below(min_f1) if min_f1 is not None else []
    for topic in low:
        click.echo(f"{topic}: F1 is not {min_f1} or better", err=True)
    return common.DATA if wrong else common.FINDING if low else 0


def _dimensions(by: str) -> list[str]:
    from alerts.tuning.scoring import DIMENSIONS
    from crawler.configfile import nearest

    asked = [one.strip() for one in by.split(",") if one.strip()]
    for one in asked:
        if one not in DIMENSIONS:
            guess = nearest(one, DIMENSIONS)
            hint = f"did you mean {guess}?" if guess else f"known are {', '.join(DIMENSIONS)}"
            raise click.BadParameter(f"{one!r}: {hint}", param_hint="--by")
    # The gate is about topics, so they are always counted.
    return list(dict.fromkeys(["topic", *asked]))


def _from_labels(state: common.State, file: str, dimensions: list[str], workers: int) -> tuple[Board, int]:
    from alerts.cli.rules import load
    from alerts.rules.rule import TOPICS
    from alerts.tuning.scoring import Board, Judged, read_labels, said_by
    from crawler.errors import ConfigError

    rule_set, problems = load(state)
    if any(not problem.warning for problem in problems):
        raise ConfigError(problem for problem in problems if not problem.warning)
    board, wrong = Board(dimensions, said_by(rule_set)), 0
    topics = sorted({*TOPICS, *(rule.topic for rule in rule_set.rules)})
    with click.open_file(file, encoding="utf-8") as stream:
        for one in read_labels(rule_set, stream, topics, workers=workers):
            if isinstance(one, Judged):
                board.add(one)
            else:
                click.echo(f"{file}:{one[0]}:{one[1]}", err=True)
                wrong += 1
    return board, wrong


def _from_verdicts(configuration: Configuration, dimensions: list[str]) -> tuple[Board, Iterable[str]]:
    with common.open_database(configuration) as archive:
        from alerts.tuning.estimating import estimate

        with archive.read() as connection:
            made = estimate(connection, configuration.rule_set, configuration.sources, dimensions)
    return made.board, made.notes


def _line(dimension: str, topic: str, group: str, result: Score) -> str:
    name = topic if dimension == "topic" else f"  {topic} {dimension} {group}"
    context = " (never counts as the topic)" if (dimension, group) == ("class", "context") else ""
    shares = f"P {_shown(result.precision)}  R {_shown(result.recall)}  F1 {_shown(result.f1)}"
    cases = f"{result.tp + result.fn:.0f} yes {result.fp + result.tn:.0f} no"
    border = ""
    if result.borderline:
        border = f"  borderline {result.borderline_flagged:.0f} of {result.borderline:.0f} flagged"
        border += f" ({result.borderline_flagged / result.borderline:.0%})"
    return f"{name:<44} {shares}  {cases}{border}{context}"


def _shown(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.3f} [{share.low:.3f}-{share.high:.3f}]"


LABEL_EPILOG = """\b
Examples:
  ceasewire rules label https://news.example/article relevant
  ceasewire rules label https://news.example/article not --topic ceasefire --by ana
\b
Exit codes: 0 recorded, 1 the URL was never seen, 2 the topic is not clear.
"""


@click.command(epilog=LABEL_EPILOG)
@click.argument("url", metavar="URL|NUMBER")
@click.argument("judgement", type=click.Choice(["relevant", "not", "unsure"]))
@click.option("--topic", help="Is the article about this? [default: the topic of its flags, if it is one]")
@click.option("--by", help="Who says so [default: your login name].")
@json_option
@click.pass_obj
def label(state: common.State, url: str, judgement: str, *, topic: str | None, by: str | None, as_json: bool) -> int:
    """Record whether the article at URL is relevant for a topic. A person's last word counts; earlier ones are kept."""
    configuration = configured(state)
    topics = configuration.settings.alerts.topics
    if topic is not None and topic not in topics:
        raise click.BadParameter(f"{topic!r}: known are {', '.join(topics)}", param_hint="--topic")
    with common.open_database(configuration) as archive:
        from alerts.ledger.flags import live_flags_of
        from alerts.ledger.verdicts import add_verdict
        from crawler.archive.articles import find_by_url, get_article

        with archive.read() as connection:
            # What was imported without a URL has a number only.
            number = int(url) if url.isdigit() else find_by_url(connection, url)
            article = None if number is None else get_article(connection, number)
            if article is None:
                click.echo(f"never seen: {url}", err=True)
                return common.FINDING
            found = {flag.topic for flag in live_flags_of(connection, [article.id])[article.id]}
        if topic is None:
            if len(found) != 1:
                why = "it has no flag" if not found else f"it has flags of {' and '.join(sorted(found))}"
                raise click.UsageError(f"which topic? {why}: add --topic {'|'.join(sorted(found) or topics)}")
            topic = found.pop()
        name = by or judge()
        with archive.write() as connection:
            add_verdict(connection, (article.id, article.version), topic, judgement, name, common.utc_now())
    if as_json:
        common.echo_json({"article": article.id, "topic": topic, "judgement": judgement, "by": name})
    return 0


def judge() -> str:
    """Who judges when nobody says."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
