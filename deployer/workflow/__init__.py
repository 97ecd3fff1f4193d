"""The stories: the only place that knows the order of things. One story, one file."""
