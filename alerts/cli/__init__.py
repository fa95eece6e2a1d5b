"""The command line: one file a group of commands; heavy imports stay inside commands.

Exit codes: 0 fine, 1 a finding, 2 usage, 65 bad input data, 69 a channel or route refused for good, 70 a bug of ours,
74 cannot write, 75 temporary, 78 configuration.
"""

from alerts.cli.root import main

__all__ = ["main"]
