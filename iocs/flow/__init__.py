"""Bronkhorst instruments sharing serial lines."""
