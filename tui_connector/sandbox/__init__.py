"""Simulated SAP and Anaplan tenants over loopback HTTP; nothing in here imports the rest of the product."""
