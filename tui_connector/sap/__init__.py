"""SAP S/4HANA: authentication, OData reading in two dialects, and the three endpoints that are written to."""
