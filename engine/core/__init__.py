"""The pure part of the engine: no I/O, no clock, no logging; rules decide, events remember."""
