"""Status and operator commands for other processes, over a Unix socket."""
