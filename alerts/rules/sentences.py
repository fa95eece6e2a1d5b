"""Where sentences end, in the seven languages of the packs. One rule set for all of them; no model, no language guess.

A mark ends a sentence when white space follows and what comes next does not begin with a small letter. A full stop
does not when it belongs to an initial, an abbreviation or a list number. Scripts without capitals end at every mark.
"""

from __future__ import annotations

import re

# One plain set of characters in front, which `re` finds fastest.
_END = re.compile(
    "([.!?\u2026\u061f\u06d4\u3002\uff01\uff1f]+)(?:[\"'\u2019\u201d\u00bb\u203a\u201c)\\]\u05f4\u300d\u300f]|\\s\u00bb)*(\\s*)"
)
_WIDE = "\u3002\uff01\uff1f"
"""Marks that need no space behind them."""
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD_STARTS = re.compile(r"[\s\"'(\[«“„]")

# Lower case, without the final stop. Dotted ones ("e.g", "ee.uu") keep their inner stops.
_ABBREVIATIONS = frozenset(
    word
    for line in (
        "mr mrs ms dr prof gen col lt sgt capt maj cpl gov sen rep rev hon st no nos vs jr sr adm brig cmdr pvt",
        "supt insp messrs mt ft dept fig vol pp approx est e.g i.e jan feb apr jun jul aug sep sept oct nov dec al",
        "mm mme mmes mlle mlles pr ste av bd art cf env éd p.ex",
        "sra srta dra ud uds gral cnel tte cap núm pág págs p.ej ee.uu dd.hh ff.aa ff.mm",
        "г гг ул им тыс млн млрд руб коп проф акад ген полк подполк обл просп пос дер стр см др пр т.е т.к т.н ст гр",
        "вул буд ім тис грн див просп смт сел ін напр рр бул пл доц нар",
    )
    for word in line.split()
)
# Abbreviations that often close a sentence: it ends if the next word is one that opens sentences.
_MAYBE_LAST = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]|etc|inc|ltd|corp|co|т\.д|т\.п|др|ін|тощо", re.IGNORECASE)
_LONGEST_LAST = 4
"""Letters of the longest of them without a stop in it."""
_OPENERS = frozenset(
    word
    for line in (
        "the a an in on at it he she they we i this that these those but and as after when there his her its our for",
        "if by from to with who what while since",
        "la le les il elle ils elles un une des ce cette ces dans en mais et selon el los las él ella ellos",
        "en pero según",
        "в на он она они это но и по за к как после мы у від він вона вони це але та після ми",
    )
    for word in line.split()
)


def sentence_ends(paragraph: str) -> list[int]:
    """Offsets just behind each sentence, white space after it included; the last is the paragraph's length."""
    ends: list[int] = []
    start = 0
    for match in _END.finditer(paragraph):
        if match.end() >= len(paragraph):
            break
        mark, space = match.groups()
        if mark[-1] in _WIDE or (space and _closes(paragraph, start, match)):
            ends.append(match.end())
            start = match.end()
    if start < len(paragraph) or not ends:
        ends.append(len(paragraph))
    return ends


def _closes(paragraph: str, start: int, match: re.Match[str]) -> bool:
    """Whether the mark found ends the sentence that began at `start`."""
    following = _first_letter(paragraph, match.end())
    if not following or following.islower():
        return False
    if match[1] != ".":
        return True
    # No abbreviation is longer than this; a fixed window keeps long texts linear.
    before = paragraph[max(start, match.start() - 40) : match.start()]
    plain = before[before.rfind(" ") + 1 :]
    if len(plain) > _LONGEST_LAST and plain.isalpha():
        return plain.lower() not in _ABBREVIATIONS
    word = _last_word(before)
    if not word:
        return True
    if _MAYBE_LAST.fullmatch(word):
        return _next_word(paragraph, match.end()) in _OPENERS
    if word.isdecimal():
        return len(paragraph[start : match.start()].strip()) > len(word)
    is_initial = len(word) == 1 and word.isalpha() and word != "i"
    return not is_initial and word not in _ABBREVIATIONS


def _last_word(text: str) -> str:
    """The word that ends the text, in lower case; empty if it does not end in a letter or digit."""
    piece = _WORD_STARTS.split(text)[-1]
    if not piece or not piece[-1].isalnum():
        return ""
    first = next(at for at, char in enumerate(piece) if char.isalnum())
    return piece[first:].lower()


def _first_letter(paragraph: str, at: int) -> str:
    """The next letter or digit: quotes, brackets and dashes before it do not count. Empty if there is none."""
    for char in paragraph[at : at + 40]:
        if char.isalnum():
            return char
    return ""


def _next_word(paragraph: str, at: int) -> str:
    match = _LETTERS.search(paragraph, at, at + 60)
    return match.group().lower() if match else ""
