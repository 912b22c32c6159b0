"""What every test gets: loopback only, deadlines, and a check that nothing is left behind."""
