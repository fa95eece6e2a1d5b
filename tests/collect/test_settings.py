"""What is changed of Scrapy's defaults really arrives in a crawl."""

from __future__ import annotations

import configparser
from importlib import import_module
from pathlib import Path

import pytest
from scrapy.settings import Settings
from scrapy.utils.misc import load_object

from crawler.settings import crawl_settings
from tests.collect.conftest import make_options


def test_dangerous_defaults_are_off() -> None:
    settings = Settings(crawl_settings(make_options(), seconds=7.0, robots=True))
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    for name in (
        "REMOTE_CONTROL_ENABLED",
        "TELNETCONSOLE_ENABLED",
        "COOKIES_ENABLED",
        "RETRY_ENABLED",
        "HTTPPROXY_ENABLED",
    ):
        assert not settings.getbool(name), name
    assert settings.getint("DOWNLOAD_MAXSIZE") == 10 * 2**20
    assert settings.getfloat("DOWNLOAD_TIMEOUT") == 7.0
    assert (settings.getint("CONCURRENT_ITEMS"), settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")) == (1, 1)
    schemes = {name for name, value in settings.getwithbase("DOWNLOAD_HANDLERS").items() if value}
    assert schemes == {"http", "https"}


def test_every_name_is_one_that_scrapy_knows() -> None:
    known = set(Settings().attributes)
    made = crawl_settings(make_options(), seconds=7.0, robots=False)
    assert set(made) <= known
    for table in ("DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS", "ITEM_PIPELINES"):
        for path in made[table]:
            assert load_object(path), path


@pytest.mark.parametrize(("agent", "token"), [("", "ceasewire"), ("deskbot/2 (+https://d.example)", "deskbot")])
def test_robots_know_us_by_our_name(agent: str, token: str) -> None:
    settings = crawl_settings(make_options(user_agent=agent), seconds=1.0, robots=True)
    assert settings["ROBOTSTXT_USER_AGENT"] == token


def test_scrapys_own_commands_find_the_settings() -> None:
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / "scrapy.cfg")
    assert import_module(config["settings"]["default"]).SPIDER_MODULES == ["crawler.spiders"]
