"""HTML pages: articles, the homepage, listing pages. Pure: an edition in, the page as text out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from alerts.newsroom.editions import Dated, Edition
from alerts.newsroom.feeds import body_html
from alerts.newsroom.outlets import Article, ChannelPlan, Format
from alerts.newsroom.words import RIGHT_TO_LEFT, words

FEED_TYPES = {
    Format.RSS20: "application/rss+xml",
    Format.RSS20_CONTENT: "application/rss+xml",
    Format.RSS10: "application/rdf+xml",
    Format.ATOM10: "application/atom+xml",
    Format.JSON: "application/feed+json",
}
SECTION_LINKS = "article.teaser h3 a"
SECTION_DATE = "article.teaser time"
SECTION_NEXT = "a.older"
"""CSS of a listing page, as a source file has to name it."""
STYLE = (
    "body{font:1rem/1.5 Georgia,serif;max-width:46rem;margin:0 auto;padding:0 1rem}"
    "nav ul{display:flex;gap:1rem;list-style:none;padding:0}aside,footer,.cookies{font-size:.85rem;color:#555}"
    ".cookies{border:1px solid #ccc;padding:.5rem}"
)


def article_page(edition: Edition, dated: Dated) -> str:
    """An article with everything that surrounds one: menus, teasers of other articles, hints, footer, metadata."""
    article = dated.article
    say = words(edition.language(article))
    others = [each for each in edition.articles if each.article.id != article.id]
    told = ((say.published, dated.published), (say.updated, dated.updated))
    dates = " · ".join(f"{word}: {_time(edition, when)}" for word, when in told if when)
    main = (
        f'<main id="content">\n<article class="story">\n<h1>{escape(article.title)}</h1>\n'
        + (f'<p class="byline" rel="author">{escape(article.author)}</p>\n' if article.author else "")
        + (f'<p class="dates">{dates}</p>\n' if dates else "")
        + f'<div class="article-body">\n{body_html(article)}</div>\n</article>\n'
        + f'<aside class="related">\n<h2>{say.read_also}</h2>\n'
        + f"{_teasers(edition, others[:4], summaries=True)}</aside>\n"
        + f'<aside class="most-read">\n<h2>{say.most_read}</h2>\n{_links(others[-5:])}</aside>\n</main>\n'
    )
    return _page(edition, _article_head(edition, dated), main, edition.language(article))


def home_page(edition: Edition) -> str:
    """The outlet's homepage, with links that let its feeds be discovered."""
    main = f"<main>\n<h1>{escape(edition.outlet.name)}</h1>\n{_teasers(edition, edition.articles[:12])}</main>\n"
    return _page(edition, f"<title>{escape(edition.outlet.name)}</title>\n", main)


def section_page(edition: Edition, channel: ChannelPlan, page: int) -> str:
    """A listing page; an older one is linked while there is one."""
    say = words(edition.outlet.languages[0])
    listed = edition.listed(channel, page)
    older = ""
    if edition.listed(channel, page + 1):
        older = f'<p><a class="older" rel="next" href="{channel.path}?page={page + 1}">{say.older}</a></p>\n'
    title = f"{say.sections[1]} | {edition.outlet.name}"
    main = f"<main>\n<h1>{say.sections[1]}</h1>\n{_teasers(edition, listed, summaries=True)}{older}</main>\n"
    return _page(edition, f"<title>{escape(title)}</title>\n", main)


def missing_page(edition: Edition) -> str:
    """What a path without a page answers, and what stands where a feed was when a site was rebuilt."""
    say = words(edition.outlet.languages[0])
    main = f"<main>\n<h1>{say.missing}</h1>\n{_links(edition.articles[:5])}</main>\n"
    return _page(edition, f"<title>{escape(edition.outlet.name)}</title>\n", main)


def robots(edition: Edition) -> str:
    """robots.txt: search is closed to robots, and whatever the outlet closes besides."""
    outlet = edition.outlet
    closed = "".join(f"Disallow: {path}\n" for path in ("/search", *outlet.site.disallow))
    maps = "".join(f"Sitemap: {edition.url(c.path)}\n" for c in outlet.channels if c.format is Format.NEWS_SITEMAP)
    return f"User-agent: *\n{closed}{maps}"


def _page(edition: Edition, head: str, main: str, language: str = "") -> str:
    outlet = edition.outlet
    language = language or outlet.languages[0]
    say = words(language)
    attributes = f' lang="{language}"' if outlet.site.lang_attribute else ""
    if language in RIGHT_TO_LEFT:
        attributes += ' dir="rtl"'
    feeds = "".join(
        f'<link rel="alternate" type="{FEED_TYPES[c.format]}" title={quoteattr(outlet.name)} href="{c.path}">\n'
        for c in outlet.channels
        if c.kind == "feed"
    )
    menu = "".join(f'<li><a href="{path}">{name}</a></li>' for name, path in zip(say.sections, _PATHS, strict=True))
    return (
        f'<!doctype html>\n<html{attributes}>\n<head>\n<meta charset="{outlet.site.charset}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{head}{feeds}<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<div class="cookies" role="dialog"><p>{say.cookies}</p><button type="button">{say.accept}</button></div>\n'
        f'<header>\n<a class="brand" href="/">{escape(outlet.name)}</a>\n<nav><ul>{menu}</ul></nav>\n'
        f'<form action="/search"><input name="q" placeholder="{say.search}"></form>\n</header>\n'
        f'{main}<footer>\n<p class="letter">{say.letter}</p>\n'
        f"<p>© {edition.touched.year} {escape(outlet.name)}. {say.rights}</p>\n</footer>\n</body>\n</html>\n"
    )


_PATHS = ("/", "/world", "/culture", "/contact")


def _article_head(edition: Edition, dated: Dated) -> str:
    article, outlet = dated.article, edition.outlet
    metas = [
        ("property", "og:type", "article"),
        ("property", "og:site_name", outlet.name),
        ("property", "og:title", article.title),
        ("property", "og:description", article.summary),
        ("property", "og:url", edition.url(article.path)),
    ]
    if outlet.site.json_ld == "none":
        # Such sites leave the dates to a reader of the page's text.
        metas = [("name", "description", article.summary), *metas]
    else:
        told = (("published", dated.published), ("modified", dated.updated))
        metas += [("property", f"article:{word}_time", edition.iso(when)) for word, when in told if when]
        metas += [("name", "author", article.author)] if article.author else []
    rows = "".join(f"<meta {kind}={quoteattr(name)} content={quoteattr(text)}>\n" for kind, name, text in metas)
    canonical = f'<link rel="canonical" href={quoteattr(edition.canonical(article))}>\n'
    return (
        f"<title>{escape(article.title)} | {escape(outlet.name)}</title>\n{rows}{canonical}{_json_ld(edition, dated)}"
    )


def _json_ld(edition: Edition, dated: Dated) -> str:
    style = edition.outlet.site.json_ld
    if style == "none":
        return ""
    story = _news_article(edition, dated)
    publisher = {"@type": "NewsMediaOrganization", "name": edition.outlet.name, "url": edition.url("/")}
    if style == "graph":
        document: dict[str, object] = {"@context": "https://schema.org", "@graph": [publisher, story]}
    else:
        document = {"@context": "https://schema.org", **story, "publisher": publisher}
    text = json.dumps(document, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>\n'


def _news_article(edition: Edition, dated: Dated) -> dict[str, object]:
    article = dated.article
    story: dict[str, object] = {
        "@type": "NewsArticle",
        "headline": article.title,
        "description": article.summary,
        "mainEntityOfPage": edition.canonical(article),
        "inLanguage": edition.language(article),
    }
    if dated.published and dated.changed:
        story["datePublished"] = edition.iso(dated.published)
        story["dateModified"] = edition.iso(dated.changed)
    if article.author:
        story["author"] = [{"@type": "Person", "name": article.author}]
    if article.labels:
        story["articleSection"] = list(article.labels)
    return story


def _time(edition: Edition, when: datetime) -> str:
    return f'<time datetime="{edition.iso(when)}">{edition.shown(when)}</time>'


def _teasers(edition: Edition, articles: Iterable[Dated], *, summaries: bool = False) -> str:
    return "".join(_teaser(edition, each, summary=summaries) for each in articles)


def _teaser(edition: Edition, dated: Dated, *, summary: bool) -> str:
    article = dated.article
    text = f"<p>{escape(article.summary)}</p>\n" if summary else ""
    when = f"{_time(edition, dated.published)}\n" if dated.published else ""
    return f'<article class="teaser">\n<h3>{_link(article)}</h3>\n{when}{text}</article>\n'


def _links(articles: Iterable[Dated]) -> str:
    rows = "".join(f"<li>{_link(each.article)}</li>\n" for each in articles)
    return f"<ul>\n{rows}</ul>\n"


def _link(article: Article) -> str:
    return f"<a href={quoteattr(article.path)}>{escape(article.title)}</a>"
