"""Bihuan 闭环: a rule-driven workflow engine for closed-loop case handling."""

__version__ = "0.1.0"
