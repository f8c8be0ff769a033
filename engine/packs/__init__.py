"""Packs: YAML files read strictly, checked as a whole and compiled into a rule book."""
