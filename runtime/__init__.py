"""How actors live: mailboxes, supervision, circuits, storage. Knows no provider, no HTTP, no language model."""
