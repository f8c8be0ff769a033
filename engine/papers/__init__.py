"""Documents as printed paper: what a case says, set by one layout."""
