"""Decisions of the gas IOC. Pure: state, facts and `now` in, new state and reasons out."""
