"""One provider account: its attempts, its circuits, its HTTP."""
