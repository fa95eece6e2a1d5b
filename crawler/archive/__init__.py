"""The archive: one schema on SQLite and PostgreSQL, opened with `open_archive(url)`."""

from crawler.archive.engine import Archive, open_archive
from crawler.errors import ArchiveBusyError

__all__ = ["Archive", "ArchiveBusyError", "open_archive"]
