"""The small HTTP side of `serve --http`: health, metrics, verdicts of readers, unsubscribing."""
