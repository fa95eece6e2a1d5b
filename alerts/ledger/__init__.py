"""Schema and queries of stories, readings, flags, digests and deliveries, beside the archive in one database."""
