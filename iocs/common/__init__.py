"""What every IOC shares: PV factory, configuration, health, stop. Built on caserver."""
