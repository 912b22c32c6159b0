"""The environment IOC: a cultivation chamber kept by fan, mist, light and heater relays."""
