"""How many files and connections a process may have open."""

import resource


def as_many_as_allowed() -> None:
    """Raise this process's bound, and so that of each process it starts, to what the system lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
