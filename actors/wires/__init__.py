"""Each provider's protocol: pure encode and decode, one file each. Nothing here does I/O."""
