"""Bytes -> values, pure: feeds, sitemaps, sections, pages, dates, language."""
