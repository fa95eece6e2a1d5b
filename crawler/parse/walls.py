"""Pages that do not show their article: stubs before a paywall, consent walls, shells that a script fills. Pure.

They are recognised so that what they say in the article's place is neither taken for it nor silently accepted.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import lxml.html

PAYWALL = "paywall: the page shows only the beginning"
CONSENT = "consent wall: the page asks for consent instead of showing the article"
SCRIPT_ONLY = "script-only page: the article is filled in by a script"

_STUB = 2500
"""Characters. A longer text is no stub, whatever it says about subscriptions."""
_SHORT = 600
_NOTICE = 300
"""Characters. A longer line is text of the article, even if it mentions a subscription."""
_MOSTLY = 0.6

# Each in the words of the languages that sources write in: en, de, fr, es, it, uk, ru, ar, he.
_PAY = re.compile(
    r"subscribe (?:now )?(?:to|and) (?:continue|read|keep|unlock)|to (?:continue|keep) reading"
    r"|continue reading (?:with|for)|(?:for|to) (?:our )?subscribers(?: only)?\b|subscribers? only"
    r"|already a (?:subscriber|member)|subscriber[- ]exclusive|(?:log|sign) in (?:or subscribe )?to (?:read|continue)"
    r"|this (?:article|content|story) is (?:only |exclusively )?(?:available |reserved )?"
    r"(?:to|for) (?:paid |paying |registered )?(?:subscribers|members)|unlock this article"
    r"|(?:bereits|schon) abonn|jetzt (?:weiterlesen|abonnieren)|um (?:den artikel )?weiterzulesen|nur für abonnent"
    r"|réservée? (?:à nos |aux )abonn|pour lire la suite|(?:il vous reste|reste) [\d,]+ ?% de|déjà abonn"
    r"|(?:solo|exclusivo) para suscriptores|suscr[ií]bete para|para (?:seguir|continuar) leyendo"
    r"|ya (?:eres|soy) suscriptor|riservato agli abbonati|per continuare a leggere"
    r"|лише для передплатник|тільки для передплатник|оформ\w+ передплат|щоб (?:продовжити )?читати далі"
    r"|(?:только|доступно) (?:для|по) подпис|чтобы (?:продолжить|дочитать)|оформ\w+ подписк"
    r"|للمشتركين فقط|اشترك (?:الآن )?(?:لمتابعة|لقراءة)|لمتابعة القراءة|למנויים בלבד|להמשך קריאה",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"\bcookies?\b|\bconsent\b|\bgdpr\b|\bprivacy|personal data|\bdatenschutz|\beinwillig|\bzustimm|\bconsentement"
    r"|confidentialité|données personnelles|\bprivacidad|datos personales|\bconsenso|dati personali"
    r"|файл\w* cookie|куки|згод[аиуі]\b|соглас[иь]|персональн|ملفات تعريف الارتباط|الخصوصية|עוגיות|פרטיות",
    re.IGNORECASE,
)
_SCRIPT = re.compile(
    r"(?:enable|turn on|activate|requires?|without|activer|aktivier\w+|habilit\w+|включ\w+|увімкн\w+|تفعيل|להפעיל)"
    r"[\w\s]{0,30}\bjava ?script|java ?script (?:is|to be|must be|muss|est|está)\b[\w\s]{0,20}"
    r"(?:disabled|required|enabled|aktivier|désactiv|deshabilit)|checking your browser"
    r"|verify(?:ing)? (?:that )?you are (?:a )?human",
    re.IGNORECASE,
)


def page_problem(text: str, url: str, *, free: bool | None, tree: lxml.html.HtmlElement) -> str:
    """Which kind of page shows no article, or only its beginning; empty for a page that does.

    Args:
        text: what was extracted, one paragraph a line; may be empty.
        url: the page's final URL: consent pages often stand on a host of their own.
        free: what the page's structured data says of access; None when it says nothing.
        tree: the page.
    """
    if _asks_consent(text, url):
        return CONSENT
    if (len(text) < _SHORT and _SCRIPT.search(text)) or (not text and _is_shell(tree)):
        return SCRIPT_ONLY
    if len(text) < _STUB and (any(map(_is_notice, text.split("\n"))) or (free is False and _is_cut(text))):
        return PAYWALL
    return ""


def without_notices(text: str) -> str:
    """A stub's text without the lines that ask for a subscription."""
    return "\n".join(line for line in text.split("\n") if not _is_notice(line))


def _is_notice(line: str) -> bool:
    return len(line) < _NOTICE and _PAY.search(line) is not None


def _is_cut(text: str) -> bool:
    return len(text) < _SHORT or text.rstrip().endswith(("…", "..."))


def _asks_consent(text: str, url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if host.split(".")[0] in ("consent", "guce", "privacy", "cmp"):
        return True
    lines = [line for line in text.split("\n") if line]
    asking = sum(len(line) for line in lines if _CONSENT.search(line))
    return 0 < len(text) < _STUB and asking >= _MOSTLY * len(text) and len(_CONSENT.findall(text)) > 2


def _is_shell(tree: lxml.html.HtmlElement) -> bool:
    """Whether there is hardly more in the page than scripts."""
    if next(tree.iter("script"), None) is None:
        return False
    skipped = ("script", "style", "noscript", "template", "head", "title")
    shown = 0
    for element in tree.iter():
        if isinstance(element.tag, str) and element.tag not in skipped:
            shown += len((element.text or "").strip())
        parent = element.getparent()
        if parent is not None and parent.tag not in skipped:
            shown += len((element.tail or "").strip())
        if shown >= _SHORT:
            return False
    return True
