"""Who restarts whom, after what, how often, and when to give up."""
