"""What time does by itself: alerts, work made ahead, lists that look back, the closures checked, messages."""
