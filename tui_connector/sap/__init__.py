"""SAP S/4HANA: authentication, OData reading in two dialects, and the CSRF session for writes."""
