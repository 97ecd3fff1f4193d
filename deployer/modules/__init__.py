"""Reads modules and templates, and makes a spec's components into resources."""
