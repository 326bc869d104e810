"""The life of a call: plan, cache, attempts, retries, fallback, commit point, one outcome."""
