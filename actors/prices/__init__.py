"""What a call costs: the caller's own prices first, then the public catalogue."""
