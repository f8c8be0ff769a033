"""What is remembered: cases, their events, what is due, and sealed personal data, in one SQLite database."""
