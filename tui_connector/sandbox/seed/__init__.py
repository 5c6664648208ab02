"""What the simulated tenants hold before anybody touches them."""
