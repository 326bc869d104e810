"""All money windows: what may still be spent, by provider, model, tag, user and in total."""
