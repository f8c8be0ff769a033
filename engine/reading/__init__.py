"""What people look at: boards, lists, one case whole."""
