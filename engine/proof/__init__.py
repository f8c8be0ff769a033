"""What proves that the record is what happened: every chain checked, every row derived again."""
