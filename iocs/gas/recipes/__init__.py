"""Recipes: what they are, whether they may run, how one runs; where they and their runs are kept."""
