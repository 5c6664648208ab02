"""Entities of business partners, suppliers and customers."""

from __future__ import annotations

from tui_connector.sandbox.sap.edm import entity, link, service

_PARTNER = """
*BusinessPartner:S10!u Customer:S10uc Supplier:S10uc AuthorizationGroup:S4u BusinessPartnerCategory:S1u
BusinessPartnerFullName:S81c BusinessPartnerGrouping:S4u BusinessPartnerName:S81c BusinessPartnerUUID:Gc
CorrespondenceLanguage:S2 CreatedByUser:S12uc CreationDate:Dc CreationTime:Tc FirstName:S40 Industry:S10u Language:S2
LastChangeDate:Dc LastChangeTime:Tc LastChangedByUser:S12uc LastName:S40 OrganizationBPName1:S40
OrganizationBPName2:S40 OrganizationBPName3:S40 OrganizationBPName4:S40 SearchTerm1:S20u SearchTerm2:S20u
BusinessPartnerIsBlocked:B BusinessPartnerType:S4u ETag:S26c PersonFullName:S80 IsMarkedForArchiving:B
BusinessPartnerIDByExtSystem:S20u TradingPartner:S6u
"""
_SUPPLIER = """
*Supplier:S10!u AlternativePayeeAccountNumber:S10u AuthorizationGroup:S4u CreatedByUser:S12uc CreationDate:Dc
Customer:S10u PaymentIsBlockedForSupplier:B PostingIsBlocked:B PurchasingIsBlocked:B SupplierAccountGroup:S4u
SupplierFullName:S220uc SupplierName:S80c VATRegistration:S20u BirthDate:D ConcatenatedInternationalLocNo:S20c
DeletionIndicator:B FiscalAddress:S10u Industry:S4uc InternationalLocationNumber1:S7nc
InternationalLocationNumber2:S5nc InternationalLocationNumber3:S1nc IsNaturalPerson:S1u PaymentReason:S4u
ResponsibleType:S2u SuplrQltyInProcmtCertfnValidTo:D SuplrQualityManagementSystem:S4u SupplierCorporateGroup:S10u
SupplierProcurementBlock:S2u TaxNumber1:S16uc TaxNumber2:S11uc TaxNumber3:S18uc TaxNumber4:S18uc TaxNumber5:S60uc
TaxNumberResponsible:S18u TaxNumberType:S2u SuplrProofOfDelivRlvtCode:S1u BR_TaxIsSplit:B
DataExchangeInstructionKey:S2u
"""
_SUPPLIER_COMPANY = """
*Supplier:S10!u *CompanyCode:S4!u AuthorizationGroup:S4u CompanyCodeName:S25c PaymentBlockingReason:S1u
SupplierIsBlockedForPosting:B AccountingClerk:S2u AccountingClerkFaxNumber:S31 AccountingClerkPhoneNumber:S30u
SupplierClerk:S15 SupplierClerkURL:S130 PaymentMethodsList:S10u PaymentReason:S4u PaymentTerms:S4u
ClearCustomerSupplier:B IsToBeLocallyProcessed:B ItemIsToBePaidSeparately:B PaymentIsToBeSentByEDI:B HouseBank:S5u
CheckPaidDurationInDays:N3.0 Currency:S5u BillOfExchLmtAmtInCoCodeCrcy:N14.3 SupplierClerkIDBySupplier:S12u
ReconciliationAccount:S10u InterestCalculationCode:S2u InterestCalculationDate:D IntrstCalcFrequencyInMonths:S2n
SupplierHeadOffice:S10u AlternativePayee:S10u LayoutSortingRule:S3u APARToleranceGroup:S4u SupplierCertificationDate:D
SupplierAccountNote:S30 WithholdingTaxCountry:S3u DeletionIndicator:B CashPlanningGroup:S10u
IsToBeCheckedForDuplicates:B MinorityGroup:S3u SupplierAccountGroup:S4u
"""
_CUSTOMER = """
*Customer:S10!u AuthorizationGroup:S4u BillingIsBlockedForCustomer:S2u CreatedByUser:S12uc CreationDate:Dc
CustomerAccountGroup:S4u CustomerClassification:S2u CustomerFullName:S220uc BPCustomerFullName:S220uc
CustomerName:S80c BPCustomerName:S81c DeliveryIsBlocked:S2u FreeDefinedAttribute01:S2u FreeDefinedAttribute02:S2u
FreeDefinedAttribute03:S2u FreeDefinedAttribute04:S2u FreeDefinedAttribute05:S2u FreeDefinedAttribute06:S3u
FreeDefinedAttribute07:S3u FreeDefinedAttribute08:S3u FreeDefinedAttribute09:S3u FreeDefinedAttribute10:S3u
NFPartnerIsNaturalPerson:S1u OrderIsBlockedForCustomer:S2u PostingIsBlocked:B Supplier:S10u
CustomerCorporateGroup:S10u FiscalAddress:S10u Industry:S4uc IndustryCode1:S10u IndustryCode2:S10u IndustryCode3:S10u
IndustryCode4:S10u IndustryCode5:S10u InternationalLocationNumber1:S7nc InternationalLocationNumber2:S5nc
InternationalLocationNumber3:S1nc NielsenRegion:S2u PaymentReason:S4u ResponsibleType:S2u TaxNumber1:S16uc
TaxNumber2:S11uc TaxNumber3:S18uc TaxNumber4:S18uc TaxNumber5:S60uc TaxNumberType:S2u VATRegistration:S20u
DeletionIndicator:B ExpressTrainStationName:S25 TrainStationName:S25 CityCode:S4u County:S3u
"""
_CUSTOMER_COMPANY = """
*Customer:S10!u *CompanyCode:S4!u APARToleranceGroup:S4u AccountByCustomer:S12u AccountingClerk:S2u
AccountingClerkFaxNumber:S31 AccountingClerkInternetAddress:S130 AccountingClerkPhoneNumber:S30u
AlternativePayerAccount:S10u AuthorizationGroup:S4u CollectiveInvoiceVariant:S1u CustomerAccountNote:S30
CustomerHeadOffice:S10u CustomerSupplierClearingIsUsed:B HouseBank:S5u InterestCalculationCode:S2u
InterestCalculationDate:D IntrstCalcFrequencyInMonths:S2n IsToBeLocallyProcessed:B ItemIsToBePaidSeparately:B
LayoutSortingRule:S3u PaymentBlockingReason:S1u PaymentMethodsList:S10u PaymentReason:S4u PaymentTerms:S4u
PaytAdviceIsSentbyEDI:B PhysicalInventoryBlockInd:B ReconciliationAccount:S10u RecordPaymentHistoryIndicator:B
UserAtCustomer:S15 DeletionIndicator:B CashPlanningGroup:S10u KnownOrNegotiatedLeave:S4u ValueAdjustmentKey:S2u
CustomerAccountGroup:S4u
"""

PARTNERS = service(
    "API_BUSINESS_PARTNER",
    entity(
        "A_BusinessPartner",
        _PARTNER,
        link("to_Customer", "A_Customer", "Customer", many=False),
        link("to_Supplier", "A_Supplier", "Supplier", many=False),
        etag="ETag",
    ),
    entity("A_Supplier", _SUPPLIER, link("to_SupplierCompany", "A_SupplierCompany", "Supplier")),
    entity("A_SupplierCompany", _SUPPLIER_COMPANY, link("to_Supplier", "A_Supplier", "Supplier", many=False)),
    entity("A_Customer", _CUSTOMER, link("to_CustomerCompany", "A_CustomerCompany", "Customer")),
    entity("A_CustomerCompany", _CUSTOMER_COMPANY),
)
