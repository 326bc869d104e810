"""What is kept: LMDB environments with one writer each, checked records, commits in groups. No actors."""
