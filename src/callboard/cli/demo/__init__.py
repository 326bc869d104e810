"""`callboard demo`: three simulated providers, hundreds of calls, one outage, and an account of all of it."""
