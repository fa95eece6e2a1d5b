"""Feed and sitemap documents. Pure: an edition and a channel in, the document as text out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from alerts.newsroom.editions import Dated, Edition
from alerts.newsroom.outlets import Article, ChannelPlan, Format

CHILD = "/sitemaps/news.xml.gz"
"""Where the one child of a sitemap index is served."""
CAMPAIGN = "?utm_source=rss&utm_medium=feed"


def feed(edition: Edition, channel: ChannelPlan) -> str:
    """The document of a feed or sitemap channel."""
    return _WRITERS[channel.format](edition, channel)


def body_html(article: Article) -> str:
    """The article's paragraphs as HTML."""
    return "".join(f"<p>{escape(part)}</p>\n" for part in article.paragraphs)


def _rss20(edition: Edition, channel: ChannelPlan) -> str:
    items = "".join(_rss_item(edition, each) for each in edition.listed(channel))
    return _rss(edition, channel, 'xmlns:dc="http://purl.org/dc/elements/1.1/"', items)


def _rss_item(edition: Edition, dated: Dated) -> str:
    article = dated.article
    return (
        "<item>\n"
        + _tag("title", article.title)
        + _tag("link", _link(edition, article))
        + f"<description>{escape(article.summary)}</description>\n"
        + (_tag("dc:creator", article.author) if article.author else "")
        + _tags("category", article.labels)
        + f'<guid isPermaLink="true">{escape(edition.url(article.path))}</guid>\n'
        + (_tag("pubDate", edition.rfc822(dated.published)) if dated.published else "")
        + "</item>\n"
    )


def _rss20_content(edition: Edition, channel: ChannelPlan) -> str:
    spaces = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:media="http://search.yahoo.com/mrss/"'
    )
    extra = "<sy:updatePeriod>hourly</sy:updatePeriod>\n<sy:updateFrequency>2</sy:updateFrequency>\n"
    items = "".join(_full_item(edition, each) for each in edition.listed(channel))
    return _rss(edition, channel, spaces, extra + items)


def _full_item(edition: Edition, dated: Dated) -> str:
    article = dated.article
    return (
        f"<item>\n<title>{_cdata(article.title)}</title>\n"
        + _tag("link", _link(edition, article))
        + (_tag("dc:creator", article.author) if article.author else "")
        + (_tag("pubDate", edition.rfc822(dated.published)) if dated.published else "")
        + _tags("category", article.labels)
        + f'<guid isPermaLink="false">{escape(edition.outlet.id)}:{escape(article.id)}</guid>\n'
        + f"<description>{_cdata(f'<p>{escape(article.summary)}</p>')}</description>\n"
        + f"<content:encoded>{_cdata(body_html(article))}</content:encoded>\n"
        + f'<media:content medium="image" url={quoteattr(edition.url(f"/img/{article.id}.jpg"))}>'
        + f"<media:description>{escape(edition.outlet.name)}</media:description></media:content>\n"
        + "</item>\n"
    )


def _rss(edition: Edition, channel: ChannelPlan, spaces: str, items: str) -> str:
    outlet = edition.outlet
    return (
        f"{_declaration(edition)}"
        f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" {spaces}>\n<channel>\n'
        + _tag("title", outlet.name)
        + _tag("link", edition.url(outlet.homepage))
        + _tag("description", outlet.name)
        + _tag("language", outlet.languages[0])
        + _tag("lastBuildDate", edition.rfc822(edition.touched))
        + _tag("ttl", "15")
        + f'<atom:link href={quoteattr(edition.url(channel.path))} rel="self" type="application/rss+xml"/>\n'
        + items
        + "</channel>\n</rss>\n"
    )


def _rss10(edition: Edition, channel: ChannelPlan) -> str:
    listed = edition.listed(channel)
    links = [edition.url(each.article.path) for each in listed]
    seq = "".join(f"<rdf:li rdf:resource={quoteattr(link)}/>\n" for link in links)
    items = "".join(_rdf_item(edition, each, link) for each, link in zip(listed, links, strict=True))
    return (
        f"{_declaration(edition)}"
        '<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f"<channel rdf:about={quoteattr(edition.url(channel.path))}>\n"
        + _tag("title", edition.outlet.name)
        + _tag("link", edition.url(edition.outlet.homepage))
        + _tag("description", edition.outlet.name)
        + _tag("dc:language", edition.outlet.languages[0])
        + _tag("dc:date", edition.iso(edition.touched))
        + f"<items>\n<rdf:Seq>\n{seq}</rdf:Seq>\n</items>\n</channel>\n{items}</rdf:RDF>\n"
    )


def _rdf_item(edition: Edition, dated: Dated, link: str) -> str:
    article = dated.article
    return (
        f"<item rdf:about={quoteattr(link)}>\n"
        + _tag("title", article.title)
        + _tag("link", link)
        + _tag("description", article.summary)
        + (_tag("dc:creator", article.author) if article.author else "")
        + _tags("dc:subject", article.labels)
        + _dated("dc:date", edition, dated.published)
        + "</item>\n"
    )


def _atom(edition: Edition, channel: ChannelPlan) -> str:
    outlet = edition.outlet
    entries = "".join(_atom_entry(edition, each) for each in edition.listed(channel))
    return (
        f"{_declaration(edition)}"
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(outlet.languages[0])}>\n'
        + _tag("id", f"tag:{outlet.id}.example,2026:{channel.path}")
        + _tag("title", outlet.name)
        + _tag("updated", edition.iso(edition.touched))
        + f'<link rel="self" type="application/atom+xml" href={quoteattr(edition.url(channel.path))}/>\n'
        + f'<link rel="alternate" type="text/html" href={quoteattr(edition.url(outlet.homepage))}/>\n'
        + entries
        + "</feed>\n"
    )


def _atom_entry(edition: Edition, dated: Dated) -> str:
    article = dated.article
    name = article.author or edition.outlet.name
    categories = "".join(f"<category term={quoteattr(label)}/>\n" for label in article.labels)
    return (
        f"<entry xml:lang={quoteattr(edition.language(article))}>\n"
        + _tag("id", f"tag:{edition.outlet.id}.example,2026:{article.id}")
        + f'<title type="html">{escape(escape(article.title))}</title>\n'
        + f'<link rel="alternate" type="text/html" href={quoteattr(edition.url(article.path))}/>\n'
        + _dated("published", edition, dated.published)
        + _dated("updated", edition, dated.changed)
        + f"<author>\n{_tag('name', name)}</author>\n{categories}"
        + f'<summary type="html">{escape(f"<p>{escape(article.summary)}</p>")}</summary>\n'
        + "</entry>\n"
    )


def _json(edition: Edition, channel: ChannelPlan) -> str:
    outlet = edition.outlet
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": edition.url(outlet.homepage),
        "feed_url": edition.url(channel.path),
        "language": outlet.languages[0],
        "items": [_json_item(edition, each) for each in edition.listed(channel)],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _json_item(edition: Edition, dated: Dated) -> dict[str, object]:
    article = dated.article
    item: dict[str, object] = {
        "id": f"{edition.outlet.id}/{article.id}",
        "url": edition.url(article.path),
        "title": article.title,
        "summary": article.summary,
        "content_html": f"<p>{escape(article.summary)}</p>",
        "language": edition.language(article),
        "tags": list(article.labels),
    }
    if article.author:
        item["authors"] = [{"name": article.author}]
    if dated.published:
        item["date_published"] = edition.iso(dated.published)
    if dated.updated:
        item["date_modified"] = edition.iso(dated.updated)
    return item


def _sitemap_index(edition: Edition, channel: ChannelPlan) -> str:
    del channel  # the index is the same whatever its child lists
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"<sitemap>\n{_tag('loc', edition.url(CHILD))}{_tag('lastmod', edition.iso(edition.touched))}</sitemap>\n"
        "</sitemapindex>\n"
    )


def sitemap(edition: Edition, channel: ChannelPlan) -> str:
    """The news sitemap itself: the child that the index of `channel` names."""
    urls = "".join(_sitemap_url(edition, each) for each in edition.listed(channel))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n{urls}</urlset>\n'
    )


def _sitemap_url(edition: Edition, dated: Dated) -> str:
    article = dated.article
    return (
        f"<url>\n{_tag('loc', edition.url(article.path))}{_dated('lastmod', edition, dated.changed)}"
        "<news:news>\n<news:publication>\n"
        + _tag("news:name", edition.outlet.name)
        + _tag("news:language", edition.language(article))
        + "</news:publication>\n"
        + _dated("news:publication_date", edition, dated.published)
        + _tag("news:title", article.title)
        + (_tag("news:keywords", ", ".join(article.labels)) if article.labels else "")
        + "</news:news>\n</url>\n"
    )


def _link(edition: Edition, article: Article) -> str:
    """The link in RSS 2.0, where publishing systems like to count where visitors come from."""
    return edition.url(article.path) + (CAMPAIGN if edition.outlet.site.tracking else "")


def _declaration(edition: Edition) -> str:
    return f'<?xml version="1.0" encoding="{edition.outlet.site.charset}"?>\n'


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n"


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _dated(name: str, edition: Edition, when: datetime | None) -> str:
    return _tag(name, edition.iso(when)) if when else ""


def _tags(name: str, texts: Iterable[str]) -> str:
    return "".join(_tag(name, text) for text in texts)


_WRITERS = {
    Format.RSS20: _rss20,
    Format.RSS20_CONTENT: _rss20_content,
    Format.RSS10: _rss10,
    Format.ATOM10: _atom,
    Format.JSON: _json,
    Format.NEWS_SITEMAP: _sitemap_index,
}
