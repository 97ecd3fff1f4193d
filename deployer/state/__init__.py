"""The memory: what we made, what we are doing, and who may write it down."""
