"""The gas IOC: mass flow controllers of a sputter chamber, approvals, interlocks, recipes, emergency stop."""
