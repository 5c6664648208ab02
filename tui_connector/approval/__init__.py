"""Who may approve, and how it is proved: the approvers' keys and what they sign."""
