"""What all questions share: taking samples in turn, and telling what they say."""
