"""`python -m alerts.cli`: the same as `ceasewire`, where its script is not on the path."""

from alerts.cli import main

main()
