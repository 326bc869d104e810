"""Replies kept, and calls in flight shared."""
