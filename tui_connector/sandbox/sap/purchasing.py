"""Entities of purchasing: supplier invoices, purchase orders in OData V2 and V4."""

from __future__ import annotations

from tui_connector.sandbox.sap.edm import entity, link, service

_INVOICE = """
*SupplierInvoice:S10!uc *FiscalYear:S4!nc CompanyCode:S4u DocumentDate:D PostingDate:D CreationDate:Dc
SupplierInvoiceIDByInvcgParty:S16u InvoicingParty:S10u DocumentCurrency:S5u InvoiceGrossAmount:N14.3
UnplannedDeliveryCost:N14.3 DocumentHeaderText:S25 ManualCashDiscount:N14.3 PaymentTerms:S4u DueCalculationBaseDate:D
CashDiscount1Percent:N5.3 CashDiscount1Days:N3.0 CashDiscount2Percent:N5.3 CashDiscount2Days:N3.0 NetPaymentDays:N3.0
PaymentBlockingReason:S1u AccountingDocumentType:S2u BPBankAccountInternalID:S4u SupplierInvoiceStatus:S1u
IndirectQuotedExchangeRate:N9.5 DirectQuotedExchangeRate:N9.5 StateCentralBankPaymentReason:S3u SupplyingCountry:S3u
PaymentMethod:S1u PaymentMethodSupplement:S2u PaymentReference:S30u InvoiceReference:S10u
InvoiceReferenceFiscalYear:S4n FixedCashDiscount:S1u UnplannedDeliveryCostTaxCode:S2u
UnplndDelivCostTaxJurisdiction:S15u UnplndDeliveryCostTaxCountry:S3u AssignmentReference:S18
SupplierPostingLineItemText:S50 TaxIsCalculatedAutomatically:B BusinessPlace:S4u BusinessSectionCode:S4u
BusinessArea:S4u SuplrInvcIsCapitalGoodsRelated:B SupplierInvoiceIsCreditMemo:S1u PaytSlipWthRefSubscriber:S11u
PaytSlipWthRefCheckDigit:S2u PaytSlipWthRefReference:S27u TaxDeterminationDate:D TaxReportingDate:D
TaxFulfillmentDate:D InvoiceReceiptDate:D DeliveryOfGoodsReportingCntry:S3u SupplierVATRegistration:S20u
IsEUTriangularDeal:B SuplrInvcDebitCrdtCodeDelivery:S1u SuplrInvcDebitCrdtCodeReturns:S1u RetentionDueDate:D
PaymentReason:S4u HouseBank:S5u HouseBankAccount:S5u SupplierInvoiceOrigin:S1uc ReverseDocument:S10uc
ReverseDocumentFiscalYear:S4nc IsReversal:Bfoc IsReversed:Bfoc IN_GSTPartner:S10u IN_GSTPlaceOfSupply:S3u
IN_InvoiceReferenceNumber:S64 JrnlEntryCntrySpecificRef1:S80 JrnlEntryCntrySpecificDate1:D
JrnlEntryCntrySpecificRef2:S25 JrnlEntryCntrySpecificDate2:D JrnlEntryCntrySpecificRef3:S25
JrnlEntryCntrySpecificDate3:D JrnlEntryCntrySpecificRef4:S50 JrnlEntryCntrySpecificDate4:D
JrnlEntryCntrySpecificRef5:S50 JrnlEntryCntrySpecificDate5:D JrnlEntryCntrySpecificBP1:S10u
JrnlEntryCntrySpecificBP2:S10u
"""
_INVOICE_ACCOUNT_ITEM = """
*SupplierInvoice:S10!uc *FiscalYear:S4!nc *SupplierInvoiceItem:S4!n CompanyCode:S4u CostCenter:S10u
ControllingArea:S4u BusinessArea:S4u ProfitCenter:S10u FunctionalArea:S16u GLAccount:S10u SalesOrder:S10u
SalesOrderItem:S6n CostObject:S12u CostCtrActivityType:S6u BusinessProcess:S12u WBSElement:S24n DocumentCurrency:S5u
SupplierInvoiceItemAmount:N14.3 TaxCode:S2u PersonnelNumber:S8n WorkItem:S10u DebitCreditCode:S1u TaxJurisdiction:S15u
SupplierInvoiceItemText:S50 AssignmentReference:S18 IsNotCashDiscountLiable:B InternalOrder:S12u ProjectNetwork:S12u
NetworkActivity:S4u CommitmentItem:S24u FundsCenter:S16u TaxBaseAmountInTransCrcy:N14.3 Fund:S10u GrantID:S20u
QuantityUnit:S3 SuplrInvcItmQtyUnitSAPCode:S3 SuplrInvcItmQtyUnitISOCode:S3u Quantity:N13.3 PartnerBusinessArea:S4u
FinancialTransactionType:S3u TaxCountry:S3u EarmarkedFundsDocument:S10u EarmarkedFundsDocumentItem:S3n
BudgetPeriod:S10u
"""
_INVOICE_ORDER_ITEM = """
*SupplierInvoice:S10!uc *FiscalYear:S4!nc *SupplierInvoiceItem:S6!n PurchaseOrder:S10u PurchaseOrderItem:S5n Plant:S4u
ReferenceDocument:S10u ReferenceDocumentFiscalYear:S4n ReferenceDocumentItem:S4n IsSubsequentDebitCredit:S1u
TaxCode:S2u TaxJurisdiction:S15u DocumentCurrency:S5u SupplierInvoiceItemAmount:N14.3 PurchaseOrderQuantityUnit:S3
PurchaseOrderQtyUnitSAPCode:S3 PurchaseOrderQtyUnitISOCode:S3u QuantityInPurchaseOrderUnit:N13.3
PurchaseOrderPriceUnit:S3 PurchaseOrderPriceUnitSAPCode:S3 PurchaseOrderPriceUnitISOCode:S3u
QtyInPurchaseOrderPriceUnit:N13.3 SuplrInvcDeliveryCostCndnType:S4u SuplrInvcDeliveryCostCndnStep:S3n
SuplrInvcDeliveryCostCndnCount:S3n SupplierInvoiceItemText:S50 FreightSupplier:S10u IsNotCashDiscountLiable:B
PurchasingDocumentItemCategory:S1uc ProductType:S2uc RetentionAmountInDocCurrency:N14.3 RetentionPercentage:N5.2
RetentionDueDate:D SuplrInvcItmIsNotRlvtForRtntn:B ServiceEntrySheet:S10ufo ServiceEntrySheetItem:S10nfo
TaxCountry:S3u IsFinallyInvoiced:B TaxDeterminationDate:D IN_HSNOrSACCode:S16u IN_CustomDutyAssessableValue:N14.3
ReferenceDoc:S16u
"""
_INVOICE_TAX = """
*SupplierInvoice:S10!uc *FiscalYear:S4!nc *TaxCode:S2!u *SupplierInvoiceTaxCounter:S6!nc DocumentCurrency:S5u
TaxAmount:N14.3 TaxBaseAmountInTransCrcy:N16.3 TaxJurisdiction:S15u TaxCountry:S3u TaxDeterminationDate:D
TaxRateValidityStartDate:D
"""
_ORDER = """
*PurchaseOrder:S10!u CompanyCode:S4u PurchaseOrderType:S4u PurchasingDocumentDeletionCode:S1uc
PurchasingProcessingStatus:S2uc CreatedByUser:S12uc CreationDate:Dc LastChangeDateTime:Z7c Supplier:S10u
PurchaseOrderSubtype:S1uc Language:S2 PaymentTerms:S4u CashDiscount1Days:N3.0 CashDiscount2Days:N3.0
NetPaymentDays:N3.0 CashDiscount1Percent:N5.3 CashDiscount2Percent:N5.3 PurchasingOrganization:S4u
PurchasingDocumentOrigin:S1uc PurchasingGroup:S3u PurchaseOrderDate:D DocumentCurrency:S5u ExchangeRate:S12
ExchangeRateIsFixed:Bu ValidityStartDate:D ValidityEndDate:D SupplierQuotationExternalID:S10u
SupplierRespSalesPersonName:S30 SupplierPhoneNumber:S16 SupplyingSupplier:S10u SupplyingPlant:S4u
IncotermsClassification:S3u CorrespncExternalReference:S12 CorrespncInternalReference:S12 InvoicingParty:S10u
ReleaseIsNotCompleted:Buc PurchasingCompletenessStatus:Bu IncotermsVersion:S4u IncotermsLocation1:S70
IncotermsLocation2:S70 ManualSupplierAddressID:S10uc IsEndOfPurposeBlocked:S1uc AddressCityName:S40
AddressFaxNumber:S30u AddressHouseNumber:S10 AddressName:S40 AddressPostalCode:S10u AddressStreetName:S60
AddressPhoneNumber:S30u AddressRegion:S3u AddressCountry:S3u AddressCorrespondenceLanguage:S2
PurgAggrgdProdCmplncSuplrSts:S1uc PurgAggrgdProdMarketabilitySts:S1uc PurgAggrgdSftyDataSheetStatus:S1uc
PurgProdCmplncTotDngrsGoodsSts:S1uc
"""
_ORDER_ITEM = """
*PurchaseOrder:S10!u *PurchaseOrderItem:S5!n PurchasingDocumentDeletionCode:S1uc PurchaseOrderItemText:S40 Plant:S4u
StorageLocation:S4u MaterialGroup:S9u SupplierMaterialNumber:S35u OrderQuantity:N13.3 PurchaseOrderQuantityUnit:S3
OrderPriceUnit:S3 DocumentCurrency:S5uc NetPriceAmount:N12.3 NetPriceQuantity:N5.0 TaxCode:S2u TaxCountry:S3u
IsCompletelyDelivered:Bu IsFinallyInvoiced:Bu PurchaseOrderItemCategory:S1u AccountAssignmentCategory:S1u
GoodsReceiptIsExpected:Bu InvoiceIsExpected:Bu InvoiceIsGoodsReceiptBased:Bu RequisitionerName:S12 Material:S40u
"""
_ASSIGNMENT = """
*PurchaseOrder:S10!u *PurchaseOrderItem:S5!n *AccountAssignmentNumber:S2!n IsDeleted:Buc Quantity:N13.3
DocumentCurrency:S5uc PurgDocNetAmount:N14.3 GLAccount:S10u CostCenter:S10u ControllingArea:S4u OrderID:S12u
ProfitCenter:S10u WBSElement:S24u
"""
_ORDER_V4 = """
*PurchaseOrder:S10! PurchaseOrderType:S4! PurchaseOrderSubtype:S1! CreatedByUser:S12! CreationDate:D
PurchaseOrderDate:D LastChangeDateTime:Z7 ValidityStartDate:D ValidityEndDate:D Language:S2!
PurchaseOrderDeletionCode:S1! ReleaseIsNotCompleted:B! PurchasingProcessingStatus:S2! CompanyCode:S4!
PurchasingOrganization:S4! PurchasingGroup:S3! Supplier:S10! InvoicingParty:S10! PaymentTerms:S4!
CashDiscount1Days:N3.0! NetPaymentDays:N3.0! CorrespncExternalReference:S12! DocumentCurrency:S3!
"""
_ORDER_ITEM_V4 = """
*PurchaseOrder:S10! *PurchaseOrderItem:S5! DocumentCurrency:S3! PurchasingDocumentDeletionCode:S1! MaterialGroup:S9!
Material:S40! SupplierMaterialNumber:S35! PurchaseOrderItemText:S40! CompanyCode:S4! Plant:S4! StorageLocation:S4!
PurchaseOrderQuantityUnit:S3! NetPriceQuantity:N5.0! IsCompletelyDelivered:B! IsFinallyInvoiced:B!
GoodsReceiptIsExpected:B! InvoiceIsExpected:B! InvoiceIsGoodsReceiptBased:B! RequisitionerName:S12!
PurchaseOrderItemCategory:S1! ProfitCenter:S10! OrderPriceUnit:S3! AccountAssignmentCategory:S1! NetAmount:N13.v!
GrossAmount:N13.v! OrderQuantity:N13.3! NetPriceAmount:N11.v! TaxCode:S2! TaxCountry:S3!
"""
_ASSIGNMENT_V4 = """
*PurchaseOrder:S10! *PurchaseOrderItem:S5! *AccountAssignmentNumber:S2! CostCenter:S10! Quantity:N13.3!
DocumentCurrency:S3! PurgDocNetAmount:N13.v! IsDeleted:B! GLAccount:S10! OrderID:S12! ControllingArea:S4!
ProfitCenter:S10! WBSElementExternalID:S24! CompanyCode:S4!
"""

_INVOICE_KEY = ("SupplierInvoice", "FiscalYear")
_ITEM_KEY = ("PurchaseOrder", "PurchaseOrderItem")

SUPPLIER_INVOICES = service(
    "API_SUPPLIERINVOICE_PROCESS_SRV",
    entity(
        "A_SupplierInvoice",
        _INVOICE,
        link("to_SuplrInvcItemPurOrdRef", "A_SuplrInvcItemPurOrdRef", *_INVOICE_KEY),
        link("to_SupplierInvoiceItemGLAcct", "A_SupplierInvoiceItemGLAcct", *_INVOICE_KEY),
        link("to_SupplierInvoiceTax", "A_SupplierInvoiceTax", *_INVOICE_KEY),
        creatable=True,
    ),
    entity("A_SupplierInvoiceItemGLAcct", _INVOICE_ACCOUNT_ITEM),
    entity("A_SuplrInvcItemPurOrdRef", _INVOICE_ORDER_ITEM),
    entity("A_SupplierInvoiceTax", _INVOICE_TAX),
)
PURCHASE_ORDERS = service(
    "API_PURCHASEORDER_PROCESS_SRV",
    entity(
        "A_PurchaseOrder",
        _ORDER,
        link("to_PurchaseOrderItem", "A_PurchaseOrderItem", "PurchaseOrder"),
        table="PurchaseOrder",
    ),
    entity(
        "A_PurchaseOrderItem",
        _ORDER_ITEM,
        link("to_PurchaseOrder", "A_PurchaseOrder", "PurchaseOrder", many=False),
        link("to_AccountAssignment", "A_PurOrdAccountAssignment", *_ITEM_KEY),
        table="PurchaseOrderItem",
    ),
    entity("A_PurOrdAccountAssignment", _ASSIGNMENT, table="PurchaseOrderAccountAssignment"),
)
PURCHASE_ORDERS_V4 = service(
    "api_purchaseorder_2",
    entity(
        "PurchaseOrder",
        _ORDER_V4,
        link("_PurchaseOrderItem", "PurchaseOrderItem", "PurchaseOrder"),
        type_name="PurchaseOrder_Type",
        etag="LastChangeDateTime",
    ),
    entity(
        "PurchaseOrderItem",
        _ORDER_ITEM_V4,
        link("_PurchaseOrder", "PurchaseOrder", "PurchaseOrder", many=False),
        link("_PurOrdAccountAssignment", "PurchaseOrderAccountAssignment", *_ITEM_KEY),
        type_name="PurchaseOrderItem_Type",
    ),
    entity(
        "PurchaseOrderAccountAssignment",
        _ASSIGNMENT_V4,
        link("_PurchaseOrder", "PurchaseOrder", "PurchaseOrder", many=False),
        link("_PurchaseOrderItem", "PurchaseOrderItem", *_ITEM_KEY, many=False),
        type_name="PurchaseOrderAccountAssignment_Type",
    ),
    namespace="com.sap.gateway.srvd_a2x.api_purchaseorder_2.v0001",
    version=4,
    container="Container",
)
