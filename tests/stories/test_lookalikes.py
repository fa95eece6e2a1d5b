"""Articles that look alike and must stay apart, and such that look different and belong together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts.lines import ImportedArticle
from alerts.stories.files import group_file

DAY = datetime(2026, 2, 10, 8, tzinfo=UTC)
WALL = (
    "To go on reading, please sign in or choose a subscription. Our journalists work around the clock so that you know "
    "what matters. Readers who subscribe support independent reporting from the region, get our morning letter and can "
    "use the archive of the last twelve years on every device. You can cancel at any time in your account settings."
)
BRIDGE = (
    "TARVIN - Shells hit the queue at the old ferry bridge in Tarvin on Tuesday morning, killing 9 people who were "
    "waiting to cross, the mayor Oren Valk said. Among the dead were two nurses on their way home from a night shift. "
    "The bridge had been closed to cars since last autumn, but hundreds walk over it each day to reach the market and "
    "the only working pharmacy. Valk said the shells came from the hills north of the river. The army did not comment. "
    "Volunteers carried the wounded to a school gymnasium because the ambulances could not pass the damaged road. "
    "A doctor there, Lena Marsk, said they had run out of blood by noon and had asked the town of Osk for help."
)
GRAIN = (
    "PORT ELLIS - Dock workers in Port Ellis began loading grain again on Thursday after a strike of eleven days. "
    "The union's leader, Petra Holm, said the owners had agreed to pay for the nights not worked. Eight ships "
    "wait in the bay, most of them bound for the drought provinces. The first, the Marigold, is to leave on Friday "
    "with 14,000 tonnes of wheat. Millers said that prices would fall only when the second convoy had been unloaded."
)
FLOOD = (
    "KESTREL BAY - Rescuers searched the flooded lower town of Kestrel Bay for a third day on Wednesday and found the "
    "bus driver who had been missing since the dam gave way. Captain Ida Renn said that all forty passengers were "
    "accounted for. The water had dropped by a metre, and the council opened the road to the hospital for lorries. "
    "Schools stay closed until Monday, and people were told to boil what comes out of the taps."
)


def article(name: str, title: str, text: str = "", *, hours: float | None = 0, source: str = "") -> ImportedArticle:
    published = None if hours is None else DAY + timedelta(hours=hours)
    return ImportedArticle(name, "", title, text, "en", published, source or name)


def stories(*articles: ImportedArticle) -> list[str]:
    return [answer.story for answer in group_file(articles)]


def copies(*articles: ImportedArticle) -> list[str]:
    return [answer.copies for answer in group_file(articles)]


def strike(name: str, place: str, toll: int, *, hours: float = 0, day: str = "Tuesday") -> ImportedArticle:
    text = (
        f"A drone strike on a residential block in {place} killed {toll} people on {day} night, the regional governor "
        f"said. Rescuers were still clearing the rubble in the morning. Power was cut in several districts of {place}."
    )
    return article(name, f"Drone strike on {place} kills {toll}", text, hours=hours)


def situation(name: str, day: int, incidents: int, dead: int) -> ImportedArticle:
    text = (
        f"Situation report from 00:00 {day:02}.02.2026 to 00:00 {day + 1:02}.02.2026. In the past 24 hours the "
        f"mission recorded {incidents} incidents of shelling along the line of contact. The most affected were the "
        f"districts of Osk and Tarvin. It learned of {dead} civilians killed. The mission reminds all sides of "
        "their duty to let engineers repair water pipes and power lines, and publishes this report every morning."
    )
    return article(name, "Situation report of the monitoring mission", text, hours=24 * (day - 10))


APART: dict[str, Sequence[ImportedArticle]] = {
    "a series by its number": [
        article("one", "Day 12 of the siege of Osk: what we know", "Shelling of Osk went on in the night. " * 6),
        article(
            "two", "Day 13 of the siege of Osk: what we know", "Shelling of Osk went on in the night. " * 6, hours=24
        ),
    ],
    "a form filled in every day": [situation("one", 10, 67, 3), situation("two", 11, 70, 5)],
    "another place": [strike("one", "Osk", 3), strike("two", "Tarvin", 3, hours=2)],
    "another place and toll": [strike("one", "Osk", 3), strike("two", "Kestrel", 8, hours=5)],
    "the same place a week later": [strike("one", "Osk", 3), strike("two", "Osk", 11, hours=168, day="Friday")],
    "one headline on two days": [
        article("one", "Shelling reported along the line of contact overnight"),
        article("two", "Shelling reported along the line of contact overnight", hours=48),
    ],
    "a wall of one outlet": [
        article("one", "Ferry bridge in Tarvin shelled", WALL, source="post"),
        article("two", "Grain ships leave Port Ellis", WALL, source="post", hours=1),
    ],
    "a short description that says nothing": [
        article("one", "Pictures of the week: harvest", "A selection of pictures sent in by our readers."),
        article("two", "Pictures of the week: snow", "A selection of pictures sent in by our readers.", hours=30),
    ],
    "a footer longer than the news": [
        article(
            "one",
            "",
            "The moon rises at nine tonight. Write to us, follow the Osk Channel and share it with your friends.",
        ),
        article(
            "two",
            "",
            "Trams run again on line six. Write to us, follow the Osk Channel and share it with your friends.",
        ),
    ],
    "the same names on another matter": [
        article(
            "one",
            "Mayor Valk opens pharmacy in Tarvin",
            "TARVIN - Oren Valk opened the town's second pharmacy on "
            "Tuesday and thanked the donors who had paid for its cold room and its generator.",
        ),
        article(
            "two",
            "Valk to stand for a third term in Tarvin",
            "TARVIN - Mayor Oren Valk told supporters at the "
            "theatre that he would run again in June, and promised to bring back the night buses.",
        ),
    ],
    "a match and the next one": [
        article(
            "one",
            "Harbour United beat Vale 3-1 in the cup",
            "Harbour United went through to the last eight with two goals by Sam Okoro in the rain.",
        ),
        article(
            "two",
            "Harbour United beat Norr 2-0 in the league",
            "A late penalty by Sam Okoro and a header by Ruiz gave Harbour United the points against Norr.",
        ),
    ],
}

SENTENCES = BRIDGE.split(". ")
TOGETHER: dict[str, Sequence[ImportedArticle]] = {
    "identical": [
        article("one", "Shells hit queue at Tarvin bridge", BRIDGE),
        article("two", "Nine die at ferry", BRIDGE),
    ],
    "shortened to a third": [
        article("one", "Shells hit queue at Tarvin bridge", BRIDGE),
        article("two", "Tarvin: nine dead at bridge", ". ".join(SENTENCES[:2]) + ".", hours=1),
    ],
    "the last third": [
        article("one", "Shells hit queue at Tarvin bridge", BRIDGE),
        article("two", "Doctors in Tarvin out of blood", ". ".join(SENTENCES[-2:]), hours=1),
    ],
    "the short one first": [
        article("one", "Tarvin: nine dead at bridge", ". ".join(SENTENCES[:2]) + "."),
        article("two", "Shells hit queue at Tarvin bridge", BRIDGE, hours=1),
    ],
    "embedded in a longer page": [
        article("one", "Shells hit queue at Tarvin bridge", BRIDGE),
        article("two", "World this morning", f"{WALL}\n\n{BRIDGE}\n\n{WALL}", hours=2),
    ],
    "lightly edited": [
        article("one", "Shells hit queue at Tarvin bridge", BRIDGE),
        article(
            "two",
            "Shelling of Tarvin bridge kills 9",
            BRIDGE.replace("Tuesday morning", "Tuesday").replace("said", "told reporters").replace("hundreds", "many"),
        ),
    ],
    "an updated headline": [
        article("one", "Shells hit queue at ferry bridge in Tarvin, nine dead"),
        article("two", "UPDATE 1-Shells hit queue at ferry bridge in Tarvin, nine dead", hours=1),
    ],
    "in other words": [
        article("one", "Shells hit queue at Tarvin bridge, 9 dead", BRIDGE),
        article(
            "two",
            "At least 9 killed as shells hit people at Tarvin ferry bridge",
            "Mayor Oren Valk of Tarvin said "
            "that at least 9 people were killed on Tuesday when shells hit people waiting at the ferry bridge.",
            hours=3,
        ),
    ],
}


@pytest.mark.parametrize("what", APART)
@pytest.mark.parametrize("turn", [1, -1])
def test_look_alikes_stay_apart(what: str, turn: int) -> None:
    one, other = stories(*APART[what][::turn])
    assert one != other


@pytest.mark.parametrize("what", TOGETHER)
@pytest.mark.parametrize("turn", [1, -1])
def test_what_belongs_together_is_one_story(what: str, turn: int) -> None:
    one, other = stories(*TOGETHER[what][::turn])
    assert one == other
    if what != "in other words":
        assert len(set(copies(*TOGETHER[what]))) == 1


def test_a_page_of_briefs_joins_no_two_of_them() -> None:
    briefs = [article("bridge", "Bridge shelled", BRIDGE), article("grain", "Grain ships load again", GRAIN)]
    page = article("page", "The day in three minutes", f"{BRIDGE}\n\n{GRAIN}\n\n{FLOOD}", hours=2)
    late = article("flood", "Bus driver found in Kestrel Bay", FLOOD, hours=3)
    found = dict(zip(("bridge", "grain", "page", "flood"), stories(*briefs, page, late), strict=True))
    assert len({found["bridge"], found["grain"], found["flood"]}) == 3


def test_a_chain_of_small_changes_ends_at_the_core() -> None:
    """Each headline shares words with the one before it, the last none with the first."""
    line = "Valk Tarvin bridge shells ferry queue nurses market pharmacy hills volunteers school doctor Marsk Osk"
    words = line.split()
    chain = [article(f"{place:02}", " ".join(words[place : place + 5]), hours=place) for place in range(10)]
    found = stories(*chain)
    assert found[0] != found[-1]
    assert found[0] == found[1]


def test_a_story_does_not_go_on_for_ever() -> None:
    days = [article(f"{day:02}", "Shells hit queue at Tarvin ferry bridge again", hours=18 * day) for day in range(12)]
    found = stories(*days)
    assert found[0] == found[1]
    assert found[0] != found[-1]


def test_a_run_that_many_texts_have_says_nothing() -> None:
    notes = [
        article(
            f"{number:02}", f"Report {name} from the field", f"{name} wrote to us about {thing} and {other}. {WALL}"
        )
        for number, (name, thing, other) in enumerate(
            zip(
                ("Ada", "Ben", "Cleo", "Dag", "Eli", "Fay", "Gus", "Hal", "Ivy", "Jon"),
                ("wells", "tents", "mills", "roads", "seeds", "boats", "goats", "lamps", "bread", "doors"),
                ("rain", "dust", "mud", "snow", "wind", "heat", "ice", "fog", "hail", "smoke"),
                strict=True,
            )
        )
    ]
    outlet = [ImportedArticle(n.id, "", n.title, n.text, "en", n.published, "post") for n in notes]
    assert len(set(copies(*outlet))) > 5
