"""The two LMDB environments, each with its one writer."""
