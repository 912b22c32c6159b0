"""A cold plate cooled by two TEC stacks on two DPS5015 supplies."""
