"""Looks at everything that a run will need, before one is started: here, at each tenant, for each flow."""
