"""Who is on: one folder an actor. `actor.py` is the shell, its neighbours are the pure part."""
