"""Output checks: what a reply has to be like, one check a file."""
