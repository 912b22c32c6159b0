"""The controller of the cold plate as a pure step: see step.py. Reads beside the design document."""
