"""The nouns: plain values every room speaks in. No I/O, no third party."""
