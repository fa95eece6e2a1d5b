"""Imports all that reading a page needs: for the process from which workers are forked, so that none pays for it.

Nothing else should import it: commands that read no page start a second sooner without.
"""

from __future__ import annotations

import os

# Before numpy is imported: its threads would not outlive a fork, and one page needs none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import py3langid.langid
import trafilatura

from crawler.parse import pages

__all__ = ["pages", "py3langid", "trafilatura"]
