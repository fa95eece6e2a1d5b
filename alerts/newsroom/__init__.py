"""The sample newsroom: invented outlets served over real HTTP on loopback. Imports nothing of ours.

`Newsroom` starts them; data/<outlet>.yaml holds what they publish; `Fault` names the ways in which they can fail.
"""

from alerts.newsroom.faults import Fault
from alerts.newsroom.outlets import Article, ChannelPlan, Expect, Format, Outlet, Site, load_outlets
from alerts.newsroom.server import Asked, Newsroom
from alerts.newsroom.strict import NewsroomError, PortTakenError

__all__ = [
    "Article",
    "Asked",
    "ChannelPlan",
    "Expect",
    "Fault",
    "Format",
    "Newsroom",
    "NewsroomError",
    "Outlet",
    "PortTakenError",
    "Site",
    "load_outlets",
]
