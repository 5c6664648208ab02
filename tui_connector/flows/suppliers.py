"""Suppliers into the list Suppliers, driven by their business partners, which carry the change date."""

from __future__ import annotations

from datetime import timedelta

from tui_connector.domain.concern import Rule
from tui_connector.domain.flow import Column, Condition, LoadFlow, ODataSource, Radar

FLOW = LoadFlow(
    name="suppliers",
    title="Suppliers",
    source=ODataSource(
        "API_BUSINESS_PARTNER",
        "A_BusinessPartner",
        key=("Supplier",),
        changed_on="LastChangeDate",
        created_on="CreationDate",
        by_day=True,
        overlap=timedelta(days=1),
        where=(Condition("Supplier", "ne", ""),),
    ),
    columns=(
        Column("Code", "Supplier"),
        Column("Name", "to_Supplier/SupplierName"),
        Column("Account Group", "to_Supplier/SupplierAccountGroup"),
        Column("Business Partner", "BusinessPartner"),
        Column("Blocked", "BusinessPartnerIsBlocked", bool),
    ),
    file="suppliers.csv",
    import_action="Suppliers from suppliers.csv",
    target_list="Suppliers",
    radar=Radar(
        block_fields=(
            "BusinessPartnerIsBlocked",
            "IsMarkedForArchiving",
            "to_Supplier/PostingIsBlocked",
            "to_Supplier/DeletionIndicator",
        ),
        renamed=Rule.GO_ON,  # partners are renamed every day, and nobody plans by their names
    ),
)
