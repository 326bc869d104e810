"""The circuit breaker: a supervisor's subtree that is given up, and repaired later through trials."""
