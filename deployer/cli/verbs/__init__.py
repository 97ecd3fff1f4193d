"""One verb per file; only the one that was asked for is imported."""
