"""What is said: msgspec Structs and small pure helpers. No I/O, no actors."""
