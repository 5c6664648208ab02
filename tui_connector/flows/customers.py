"""Customers into the list Customers, driven by their business partners, which carry the change date."""

from __future__ import annotations

from datetime import timedelta

from tui_connector.domain.concern import Rule
from tui_connector.domain.flow import Column, Condition, LoadFlow, ODataSource, Radar

FLOW = LoadFlow(
    name="customers",
    title="Customers",
    source=ODataSource(
        "API_BUSINESS_PARTNER",
        "A_BusinessPartner",
        key=("Customer",),
        changed_on="LastChangeDate",
        created_on="CreationDate",
        by_day=True,
        overlap=timedelta(days=1),
        where=(Condition("Customer", "ne", ""),),
    ),
    columns=(
        Column("Code", "Customer"),
        Column("Name", "to_Customer/CustomerName"),
        Column("Account Group", "to_Customer/CustomerAccountGroup"),
        Column("Business Partner", "BusinessPartner"),
        Column("Blocked", "BusinessPartnerIsBlocked", bool),
    ),
    file="customers.csv",
    import_action="Customers from customers.csv",
    target_list="Customers",
    radar=Radar(
        block_fields=(
            "BusinessPartnerIsBlocked",
            "IsMarkedForArchiving",
            "to_Customer/PostingIsBlocked",
            "to_Customer/DeletionIndicator",
        ),
        renamed=Rule.GO_ON,  # partners are renamed every day, and nobody plans by their names
    ),
)
