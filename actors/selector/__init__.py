"""Which models a name stands for, in which order."""
