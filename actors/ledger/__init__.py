"""What was used, what it cost, how long it took, and what circuits did: kept over restarts."""
