"""The runs of a writeback: propose, compare again, post and prove, tell Anaplan; all that touches a far side."""
