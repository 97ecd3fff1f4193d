"""The mind: pure decisions over plain values. What it touches, it is given."""
