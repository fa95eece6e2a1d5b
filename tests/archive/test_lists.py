"""Lists of whole numbers as one parameter, on both databases."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.ledger.schema import story_word
from crawler.archive import Archive
from crawler.archive.lists import among, put_pairs

KEYS = st.integers(min_value=-(2**62), max_value=2**62)
ASKED = sa.select(story_word.c.word, story_word.c.articles).where(among(story_word.c.word)).order_by(story_word.c.word)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.dictionaries(KEYS, st.integers(0, 1000), max_size=40), others=st.sets(KEYS, max_size=5))
def test_only_listed_keys_are_found(archive: Archive, rows: dict[int, int], others: set[int]) -> None:
    with archive.write() as connection:
        connection.execute(sa.delete(story_word))
        put_pairs(connection, story_word, rows.items())
        asked = sorted(rows)[::2] + sorted(others)
        found = {row.word: row.articles for row in connection.execute(ASKED, {"keys": asked})}
    assert found == {key: rows[key] for key in asked if key in rows}


def test_thousands_of_keys_need_no_splitting(archive: Archive) -> None:
    keys = range(0, 200_000, 2)
    with archive.write() as connection:
        put_pairs(connection, story_word, ((key, 1) for key in keys))
        found = connection.execute(ASKED, {"keys": range(100_000)}).all()
    assert [row.word for row in found] == list(range(0, 100_000, 2))


def test_no_keys_find_nothing_and_no_rows_are_no_statement(archive: Archive) -> None:
    with archive.write() as connection:
        put_pairs(connection, story_word, [])
        put_pairs(connection, story_word, [(1, 1)])
        assert connection.execute(ASKED, {"keys": []}).all() == []


def test_a_row_that_is_there_is_left_alone_or_grows(archive: Archive) -> None:
    with archive.write() as connection:
        put_pairs(connection, story_word, [(1, 5), (2, 5)])
        put_pairs(connection, story_word, [(2, 7), (3, 7)])
        assert dict(map(tuple, connection.execute(ASKED, {"keys": [1, 2, 3]}))) == {1: 5, 2: 5, 3: 7}
        put_pairs(connection, story_word, [(2, 7), (4, 7)], grows="articles")
        assert dict(map(tuple, connection.execute(ASKED, {"keys": [1, 2, 3, 4]}))) == {1: 5, 2: 12, 3: 7, 4: 7}
