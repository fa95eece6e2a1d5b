"""Scrapy's settings: what we change of its defaults, and why. Named by scrapy.cfg for Scrapy's own commands."""

from __future__ import annotations

from typing import Any

from crawler.options import CrawlerOptions

BOT_NAME = "ceasewire"
SPIDER_MODULES = ["crawler.spiders"]
ADDONS: dict[str, int] = {}

# In Scrapy 2.19 certificates are not verified unless asked for.
DOWNLOAD_VERIFY_CERTIFICATES = True
# Both open a port on this machine.
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
# The default is 1 GiB; of a page or feed nobody needs more than this.
DOWNLOAD_MAXSIZE = 10 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 20
# A document that was cut off still has entries; the outcome says that it was.
DOWNLOAD_FAIL_ON_DATALOSS = False
# 100 tasks are made for each response otherwise.
CONCURRENT_ITEMS = 1
CONCURRENT_REQUESTS_PER_DOMAIN = 1
# Bodies waiting for an extraction worker, in bytes; beyond it no request is started.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 20 * 1024 * 1024
# The next poll is the retry; a 429 answered at once with another request makes things worse.
RETRY_ENABLED = False
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
REFERER_ENABLED = False
# A proxy would resolve names where our guard cannot look.
HTTPPROXY_ENABLED = False
# Every status is an outcome that a spider records.
HTTPERROR_ALLOW_ALL = True
ROBOTSTXT_OBEY = True
URLLENGTH_LIMIT = 8000
LOG_ENABLED = False
STATS_CLASS = "scrapy.statscollectors.DummyStatsCollector"
DOWNLOADER = "crawler.middlewares.PoliteDownloader"
DOWNLOAD_HANDLERS: dict[str, str | None] = {
    "http": "crawler.middlewares.StoppableHandler",
    "https": "crawler.middlewares.StoppableHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
DOWNLOADER_MIDDLEWARES: dict[str, int | None] = {
    "crawler.middlewares.RequestMiddleware": 10,
    "crawler.robots.RobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": None,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "crawler.middlewares.PlainRedirects": 600,
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,
}
SPIDER_MIDDLEWARES: dict[str, int | None] = {
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}
# LogCount hangs a handler on the root logger, the others cost time or open files; none does anything for us.
EXTENSIONS: dict[str, int | None] = {
    f"scrapy.extensions.{name}": None
    for name in (
        "corestats.CoreStats",
        "logcount.LogCount",
        "telnet.TelnetConsole",
        "memusage.MemoryUsage",
        "memdebug.MemoryDebugger",
        "closespider.CloseSpider",
        "feedexport.FeedExporter",
        "logstats.LogStats",
        "spiderstate.SpiderState",
        "throttle.AutoThrottle",
        "remote_control.RemoteControl",
    )
}
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
ITEM_PIPELINES = {"crawler.pipelines.ArchivePipeline": 300}


def crawl_settings(options: CrawlerOptions, *, seconds: float, robots: bool) -> dict[str, Any]:
    """Settings of one crawl.

    Args:
        options: the operator's.
        seconds: time for one document, from connect to last byte.
        robots: whether this crawl obeys robots.txt.

    Returns:
        Everything above, with the operator's figures in it.
    """
    settings = {name: value for name, value in globals().items() if name.isupper()}
    return settings | {
        "USER_AGENT": options.user_agent,
        "ROBOTSTXT_OBEY": robots,
        "ROBOTSTXT_USER_AGENT": options.user_agent.partition("/")[0] or None,
        "CONCURRENT_REQUESTS": options.concurrency,
        "DOWNLOAD_DELAY": options.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": options.jitter,
        "DOWNLOAD_MAXSIZE": options.max_bytes,
        "DOWNLOAD_TIMEOUT": seconds,
        "REDIRECT_MAX_TIMES": options.max_redirects,
    }
