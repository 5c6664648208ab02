"""How people are told who are not looking."""
