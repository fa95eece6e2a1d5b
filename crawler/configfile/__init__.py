"""YAML files with positions, and pydantic models validated against them.

Every file of ours that a person writes goes through here, so that every mistake is answered the same way:
``file:line:column``, the line, a caret, what was expected and a suggestion. Nothing here raises for a mistake in a
file: functions return ``(value or None, problems)`` and the caller decides.
"""

from __future__ import annotations

from crawler.configfile.document import Document, nearest
from crawler.configfile.reading import files_in, parse_document, read_document
from crawler.configfile.validation import Identifier, Section, fault, validate

__all__ = [
    "Document",
    "Identifier",
    "Section",
    "fault",
    "files_in",
    "nearest",
    "parse_document",
    "read_document",
    "validate",
]
