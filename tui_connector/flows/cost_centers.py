"""Cost centers into the list Cost Centers; no change stamp, so read whole and compared by content."""

from __future__ import annotations

from datetime import date

from tui_connector.domain.flow import Column, LoadFlow, ODataSource, Radar, Texts

FLOW = LoadFlow(
    name="cost_centers",
    title="Cost centers",
    after=("profit_centers",),
    source=ODataSource(
        "API_COSTCENTER_SRV",
        "A_CostCenter",
        key=("ControllingArea", "CostCenter"),
        slices=("ValidityStartDate", "ValidityEndDate"),
        texts=Texts("to_Text", "A_CostCenterText", ("CostCenterName", "CostCenterDescription")),
    ),
    columns=(
        Column("Code", "CostCenter"),
        Column("Name", "CostCenterName"),
        Column("Company Code", "CompanyCode"),
        Column("Profit Center", "ProfitCenter", member_of="Profit Centers"),
        Column("Category", "CostCenterCategory"),
        Column("Responsible", "CostCtrResponsiblePersonName"),
        Column("Valid From", "ValidityStartDate", date),
        Column("Valid To", "ValidityEndDate", date),
    ),
    file="cost_centers.csv",
    import_action="Cost Centers from cost_centers.csv",
    target_list="Cost Centers",
    radar=Radar(
        places=("Company Code", "Profit Center"),
        block_fields=("IsBlkdForPrimaryCostsPosting", "IsBlockedForPlanPrimaryCosts"),
    ),
)
