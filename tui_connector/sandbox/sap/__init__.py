"""The simulated SAP S/4HANA tenant: tokens, CSRF, OData V2 and V4 reads, supplier invoice creation."""
