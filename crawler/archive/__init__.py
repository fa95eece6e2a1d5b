"""The archive: one schema on SQLite and PostgreSQL, opened with `open_archive(url)`."""
