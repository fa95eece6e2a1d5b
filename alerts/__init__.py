"""The archive -> delivered digests: rules, stories, items, digests and their delivery."""
