"""What was asked and answered, word by word: kept only where that is asked for."""
