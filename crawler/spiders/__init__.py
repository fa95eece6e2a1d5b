"""Thin Scrapy spiders: request, hand the bytes to crawler.parse, yield items."""
