"""Other ways to read texts with many rules, measured beside ours by `benchmarks.rules_speed`."""
