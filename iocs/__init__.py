"""The IOCs: what the control room sees."""
