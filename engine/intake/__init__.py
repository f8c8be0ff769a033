"""Lists as offices send them: measured, read, understood and cleaned, row by row."""
