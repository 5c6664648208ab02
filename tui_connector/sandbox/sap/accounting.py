"""Entities of the master data of accounting: accounts, centers, company codes; and the line items."""

from __future__ import annotations

from tui_connector.sandbox.sap.edm import entity, link, service
from tui_connector.sandbox.sap.line_item_fields import LINE_ITEM

_ACCOUNT = """
*ChartOfAccounts:S4!u *GLAccount:S10!u IsBalanceSheetAccount:B GLAccountGroup:S4u CorporateGroupAccount:S10u
ProfitLossAccountType:S2u SampleGLAccount:S10u AccountIsMarkedForDeletion:B AccountIsBlockedForCreation:B
AccountIsBlockedForPosting:B AccountIsBlockedForPlanning:B PartnerCompany:S6u FunctionalArea:S16u CreationDate:D
CreatedByUser:S12u LastChangeDateTime:Z0 GLAccountType:S1u GLAccountExternal:S10u IsProfitLossAccount:B
"""
_ACCOUNT_TEXT = """
*ChartOfAccounts:S4!u *GLAccount:S10!u *Language:S2! GLAccountName:S20 GLAccountLongName:S50 LastChangeDateTime:Z0
"""
_COST_CENTER = """
*ControllingArea:S4!u *CostCenter:S10!u *ValidityEndDate:D! ValidityStartDate:D CompanyCode:S4u BusinessArea:S4u
CostCtrResponsiblePersonName:S20 CostCtrResponsibleUser:S12u CostCenterCurrency:S5 ProfitCenter:S10u Department:S12
CostingSheet:S6u FunctionalArea:S16u Country:S3u Region:S3u CityName:S35 CostCenterStandardHierArea:S12u
CostCenterCategory:S1u IsBlkdForPrimaryCostsPosting:S1u IsBlkdForSecondaryCostsPosting:S1u
IsBlockedForRevenuePosting:S1u IsBlockedForCommitmentPosting:S1u IsBlockedForPlanPrimaryCosts:S1u
IsBlockedForPlanSecondaryCosts:S1u IsBlockedForPlanRevenues:S1u ConsumptionQtyIsRecorded:S1u Language:S2
CostCenterCreatedByUser:S12u CostCenterCreationDate:D
"""
_COST_CENTER_TEXT = """
*CostCenter:S10!u *ControllingArea:S4!u *Language:S2! *ValidityEndDate:D! ValidityStartDate:D CostCenterName:S20
CostCenterDescription:S40
"""
_PROFIT_CENTER = """
*ControllingArea:S4!u *ProfitCenter:S10!u *ValidityEndDate:D! ProfitCtrResponsiblePersonName:S20 CompanyCode:S4u
ProfitCtrResponsibleUser:S12u ValidityStartDate:D Department:S12 ProfitCenterStandardHierarchy:S12u Segment:S10u
ProfitCenterIsBlocked:S1 FormulaPlanningTemplate:S10u FormOfAddress:S15 AddressName:S35 AdditionalName:S35
ProfitCenterAddrName3:S35 ProfitCenterAddrName4:S35 StreetAddressName:S35 POBox:S10u CityName:S35 PostalCode:S10u
District:S35 Country:S3u Region:S3u TaxJurisdiction:S15u Language:S2 PhoneNumber1:S16 PhoneNumber2:S16
TeleboxNumber:S15 TelexNumber:S30 FaxNumber:S31 DataCommunicationPhoneNumber:S14 ProfitCenterPrinterName:S4u
ProfitCenterCreatedByUser:S12u ProfitCenterCreationDate:D
"""
_PROFIT_CENTER_TEXT = """
*Language:S2! *ControllingArea:S4!u *ProfitCenter:S10!u *ValidityEndDate:D! ValidityStartDate:D ProfitCenterName:S20
ProfitCenterLongName:S40
"""
_ASSIGNMENT = "*ControllingArea:S4!u *ProfitCenter:S10!u *CompanyCode:S4!u"
_COMPANY_CODE = """
*CompanyCode:S4!u CompanyCodeName:S25 CityName:S25 Country:S3u Currency:S5 Language:S2 ChartOfAccounts:S4u
FiscalYearVariant:S2u Company:S6u CreditControlArea:S4u CountryChartOfAccounts:S4u FinancialManagementArea:S4u
AddressID:S10u TaxableEntity:S4u VATRegistration:S20u ExtendedWhldgTaxIsActive:Bu ControllingArea:S4u
FieldStatusVariant:S4u NonTaxableTransactionTaxCode:S2u DocDateIsUsedForTaxDetn:Bu TaxRptgDateIsActive:Bu
"""

_ACCOUNT_KEY = ("ChartOfAccounts", "GLAccount")
_COST_CENTER_KEY = ("ControllingArea", "CostCenter", "ValidityEndDate")
_PROFIT_CENTER_KEY = ("ControllingArea", "ProfitCenter", "ValidityEndDate")

ACCOUNTS = service(
    "API_GLACCOUNTINCHARTOFACCOUNTS_SRV",
    entity("A_GLAccountInChartOfAccounts", _ACCOUNT, link("to_Text", "A_GLAccountText", *_ACCOUNT_KEY)),
    entity(
        "A_GLAccountText",
        _ACCOUNT_TEXT,
        link("to_GLAccountInChartOfAccounts", "A_GLAccountInChartOfAccounts", *_ACCOUNT_KEY, many=False),
    ),
)
COST_CENTERS = service(
    "API_COSTCENTER_SRV",
    entity("A_CostCenter", _COST_CENTER, link("to_Text", "A_CostCenterText", *_COST_CENTER_KEY)),
    entity("A_CostCenterText", _COST_CENTER_TEXT, link("to_CostCenter", "A_CostCenter", *_COST_CENTER_KEY, many=False)),
)
PROFIT_CENTERS = service(
    "API_PROFITCENTER_SRV",
    entity(
        "A_ProfitCenter",
        _PROFIT_CENTER,
        link("to_Text", "A_ProfitCenterText", *_PROFIT_CENTER_KEY),
        link("to_PrftCtrCompanyCodeAssignment", "A_PrftCtrCompanyCodeAssignment", "ControllingArea", "ProfitCenter"),
    ),
    entity("A_ProfitCenterText", _PROFIT_CENTER_TEXT),
    entity("A_PrftCtrCompanyCodeAssignment", _ASSIGNMENT),
)
COMPANY_CODES = service("API_COMPANYCODE_SRV", entity("A_CompanyCode", _COMPANY_CODE))
LINE_ITEMS = service(
    "API_GLACCOUNTLINEITEM",
    entity("GLAccountLineItem", LINE_ITEM, aggregate=True),
    namespace="cds_api_glaccountlineitem",
)
