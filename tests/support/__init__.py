"""What tests share: waiting, ports, processes, a libca client, the check for leftovers."""
