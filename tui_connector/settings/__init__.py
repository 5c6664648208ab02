"""config.toml: its sections, how it is read and checked, and the flows it declares. No secret is ever a setting."""
