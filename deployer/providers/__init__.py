"""The hands: one folder per provider, one client in each, one file per kind. Opened through `registry`."""
