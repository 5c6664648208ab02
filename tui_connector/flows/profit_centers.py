"""Profit centers into the list Profit Centers; no change stamp, so read whole and compared by content."""

from __future__ import annotations

from datetime import date

from tui_connector.domain.flow import Column, LoadFlow, ODataSource, Radar, Texts

FLOW = LoadFlow(
    name="profit_centers",
    title="Profit centers",
    source=ODataSource(
        "API_PROFITCENTER_SRV",
        "A_ProfitCenter",
        key=("ControllingArea", "ProfitCenter"),
        slices=("ValidityStartDate", "ValidityEndDate"),
        texts=Texts("to_Text", "A_ProfitCenterText", ("ProfitCenterName", "ProfitCenterLongName")),
    ),
    columns=(
        Column("Code", "ProfitCenter"),
        Column("Name", "ProfitCenterName"),
        Column("Company Code", "CompanyCode"),
        Column("Segment", "Segment"),
        Column("Responsible", "ProfitCtrResponsiblePersonName"),
        Column("Valid From", "ValidityStartDate", date),
        Column("Valid To", "ValidityEndDate", date),
    ),
    file="profit_centers.csv",
    import_action="Profit Centers from profit_centers.csv",
    target_list="Profit Centers",
    radar=Radar(places=("Company Code",), block_fields=("ProfitCenterIsBlocked",)),
)
