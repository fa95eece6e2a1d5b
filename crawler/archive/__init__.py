"""The archive: one schema on SQLite and PostgreSQL, opened with `open_archive(url)`."""

from crawler.archive.engine import Archive, ArchiveBusyError, open_archive

__all__ = ["Archive", "ArchiveBusyError", "open_archive"]
