"""What people do with cases: each command is decided, written and answered by `Office.act`."""
