"""The web -> the archive: channels polled, pages fetched and extracted, articles stored. Usable alone."""
