"""How much one provider account may be asked: requests, tokens, concurrency."""
