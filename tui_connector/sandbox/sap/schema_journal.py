"""The posting request as a schema: elements in their order, how often they come, and what may stand in them.

Notation of an element: `Name:type`, with `!` behind it when obligatory and `*` when repeatable (`*4`: four times at
most). Types of text: `t` token, `s` text with its spaces, then the greatest length; `=` exact length; `?` may be empty;
`d` digits only. Other names are those of NAMED or of another element list.
"""

from __future__ import annotations

# Types that are more than a text of some length.
NAMED = frozenset(
    {"amount", "rate", "percent", "quantity", "date", "moment", "days", "flag", "uuid", "uri", "language"}
)

_SCHEME = {"schemeID": "t60", "schemeAgencyID": "t60"}
_LIST = {"listID": "t60", "listVersionID": "t15", "listAgencyID": "t60"}
# Attributes of a simple element, by the name behind `@` in its type; `!`: obligatory.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "amount": {"currencyCode": "t=3!"},
    "quantity": {"unitCode": "t3"},
    "scheme": _SCHEME,
    "list": _LIST,
    "chart": {"listID": "t4"},
    "agency": {"schemeAgencyID": "t3!"},
    "uri": {"schemeID": "t60"},
    "name": {"languageCode": "language"},
}

_AMOUNTS = """
AmountInTransactionCurrency:amount@amount! AmountInCompanyCodeCurrency:amount@amount
AmountInGroupCurrency:amount@amount AmountInFreeDefinedCurrency1:amount@amount
"""
_TAX_BASES = """
TaxBaseAmountInCoCodeCrcy:amount@amount TaxBaseAmountInGroupCrcy:amount@amount
TaxBaseAmountInFreeDefinedCrcy1:amount@amount
"""
_SERVICE_DOCUMENT = "ServiceDocType:t4? ServiceDocID:t10? ServiceDocItemID:t6?"
_PARTNER_ITEM = f"""
{_AMOUNTS} DebitCreditCode:t=1 AltvRecnclnAccts:t10@chart DocumentItemText:s50? AssignmentReference:t18
Reference1IDByBusinessPartner:t12 Reference2IDByBusinessPartner:t12 Reference3IDByBusinessPartner:t20
CashDiscountTerms:CashDiscountTerms
"""

ELEMENTS: dict[str, str] = {
    "BulkRequest": "MessageHeader:MessageHeader! JournalEntryCreateRequest:Request!*",
    "Request": "MessageHeader:MessageHeader! JournalEntry:JournalEntry!",
    "MessageHeader": """
        ID:t35@scheme UUID:uuid@scheme ReferenceID:t35@scheme ReferenceUUID:uuid@scheme CreationDateTime:moment!
        TestDataIndicator:flag ReconciliationIndicator:flag SenderBusinessSystemID:t60 RecipientBusinessSystemID:t60
        SenderParty:Party RecipientParty:Party* BusinessScope:Scope*
        """,
    "Party": "InternalID:t32@scheme StandardID:t13@agency* ContactPerson:Person",
    "Person": """
        InternalID:t32@scheme OrganisationFormattedName:s40?*4 PersonFormattedName:s80?*4 PhoneNumber:Phone*
        FaxNumber:Phone* EmailURI:uri@uri*
        """,
    "Phone": """
        AreaID:t10 SubscriberID:t30 ExtensionID:t10 CountryCode:t2-3 CountryDiallingCode:t10 CountryName:s40@name
        """,
    "Scope": "TypeCode:t4@list! InstanceID:t36@scheme ID:t36@scheme",
    "JournalEntry": """
        OriginalReferenceDocumentType:t5! OriginalReferenceDocument:t20 OriginalReferenceDocumentLogicalSystem:t10
        BusinessTransactionType:t4! AccountingDocumentType:t5! AccountingDocument:t10 DocumentReferenceID:t16
        OriginalPredecessorRefDocument:t20 DocumentHeaderText:s25? CreatedByUser:t12?! CompanyCode:t4!
        DocumentDate:date! PostingDate:date! TaxReportingDate:date TaxDeterminationDate:date InvoiceReceiptDate:date
        ExchangeRateDate:date ExchangeRate:rate IndirectQuotedExchangeRate:rate SourceSystemCompanyCode:t20
        SourceSystemAccountingDocument:t35 Reference1InDocumentHeader:t20 Reference2InDocumentHeader:t20
        Item:Item* DebtorItem:DebtorItem* CreditorItem:CreditorItem* ProductTaxItem:ProductTaxItem*
        WithholdingTaxItem:WithholdingTaxItem*
        """,
    "Item": f"""
        ReferenceDocumentItem:t10 ItemGroup:t6 CompanyCode:t4 GLAccount:t10@chart! {_AMOUNTS} DebitCreditCode:t=1
        DocumentItemText:s50? ReasonCode:s3? OplAcctgDocItmCntrySpcfcRef1:t50? AssignmentReference:t18
        FinancialTransactionType:t3 Tax:Tax Plant:t4 Material:t60 QuantityInEntryUnit:quantity@quantity
        IsNotCashDiscountLiable:flag TradingPartner:t6 ValueDate:date AccountAssignment:AccountAssignment
        ProfitabilitySupplement:ProfitabilitySupplement AdditionalAttributes:AdditionalAttributes
        """,
    "Tax": """
        TaxCode:t4@list! TaxJurisdiction:t15@list TaxItemGroup:t6d TaxCountry:t2-3
        TaxExpenseAmountInTransacCrcy:amount@amount TaxExpenseAmountInCoCodeCrcy:amount@amount
        TaxExpenseAmountInGroupCrcy:amount@amount TaxExpenseAmountInFreeDefinedCrcy1:amount@amount
        """,
    "AccountAssignment": f"""
        AccountAssignmentType:t2 ProfitCenter:t10 PartnerProfitCenter:t10 Segment:t10 PartnerSegment:t10
        CostCenter:t10 CostCtrActivityType:t6 WBSElement:t24 MasterFixedAsset:t12 FixedAsset:t4 SalesOrder:t10
        SalesOrderItem:t6d FunctionalArea:t16 {_SERVICE_DOCUMENT}
        """,
    "ProfitabilitySupplement": f"""
        Customer:t10 CustomerGroup:t2@list CustomerIndustry:t10@list CustomerCountry:t2-3 SalesDistrict:t6
        SoldMaterial:t18 SoldMaterialGroup:t9 SalesOrganization:t4 DistributionChannel:t2@list Division:t2@list
        BillToParty:t10 ShipToParty:t10 PersonnelNumber:t8d WBSElement:t24 FunctionalArea:t16 {_SERVICE_DOCUMENT}
        """,
    "AdditionalAttributes": "PersonnelNumber:t8d",
    "DebtorItem": f"""
        ReferenceDocumentItem:t10! Debtor:t10! {_PARTNER_ITEM} PaymentDetails:DebtorPayment
        StateCentralBankPaymentReason:t3 ReportingCountry:t2-3 VATRegistration:t20 OplAcctgDocItmCntrySpcfcRef1:t50?
        BranchAccount:t10 BusinessPlace:t4 TaxCountry:t2-3 DownPaymentTerms:DebtorDownPayment
        OneTimeCustomerDetails:OneTimeCustomer
        """,
    "CreditorItem": f"""
        ReferenceDocumentItem:t10! Creditor:t10! {_PARTNER_ITEM} PaymentDetails:CreditorPayment
        StateCentralBankPaymentReason:t3 OplAcctgDocItmCntrySpcfcRef1:t50? VATRegistration:t20 BranchAccount:t10
        BusinessPlace:t4 HouseBank:t5 HouseBankAccount:t5 TaxCountry:t2-3 DownPaymentTerms:CreditorDownPayment
        OneTimeVendorDetails:OneTimeVendor
        """,
    "CashDiscountTerms": """
        DueCalculationBaseDate:date! CashDiscount1Days:days CashDiscount1Percent:percent CashDiscount2Days:days
        CashDiscount2Percent:percent NetPaymentDays:days!
        """,
    "DebtorPayment": """
        PaymentMethod:t=1 PaymentMethodSupplement:t2 SEPAMandate:t35 PaymentReference:t30
        PaymentBlockingReason:t2@list PaymentServiceProvider:t4 PaymentByPaymentServicePrvdr:t35
        """,
    "CreditorPayment": """
        PaymentMethod:t=1 PaymentMethodSupplement:t2 PaymentReference:t30 PaymentBlockingReason:t2@list
        AlternativePayee:t10 PayeeBankAccount:PayeeBankAccount
        """,
    "PayeeBankAccount": """
        Country:t2-3! BankNumber:t15 SWIFTCode:t8-11 BankAccount:t18 IBAN:t34 BankAccountHolderName:s60
        """,
    "DebtorDownPayment": """
        SpecialGLCode:t=1 SalesOrder:t10 SalesOrderItem:t6d TaxItemGroup:t6d TaxCode:t4@list TaxJurisdiction:t15@list
        """,
    "CreditorDownPayment": "SpecialGLCode:t=1 TaxItemGroup:t6d TaxCode:t4@list TaxJurisdiction:t15@list",
    "OneTimeCustomer": """
        Name:s35 CityName:s35 Country:t2-3 TaxNumber1:t16 TaxNumber2:t11 TaxNumber3:t18 TaxNumber4:t18 TaxNumber5:t60
        IsNaturalPerson:s1? Region:t3 VATLiability:s1? TaxNumberType:t2
        """,
    "OneTimeVendor": "Name:s35 CityName:s35 Country:t2-3",
    "ProductTaxItem": f"""
        ReferenceDocumentItem:t10 TaxCode:t4@list! TaxItemClassification:t3 ConditionType:t4? TaxJurisdiction:t15@list
        TaxJurisdictionLevel:t=1 LowestLevelTaxJurisdiction:t15@list TaxItemGroup:t6d TaxRate:percent
        TaxDeterminationDate:date IsDirectTaxPosting:flag TaxCountry:t=3 {_AMOUNTS} DebitCreditCode:t=1
        ProductiveTaxText:s50? TaxBaseAmountInTransCrcy:amount@amount! {_TAX_BASES}
        """,
    "WithholdingTaxItem": f"""
        ReferenceDocumentItem:t10 WithholdingTaxType:t2! WithholdingTaxCode:t2! {_AMOUNTS.replace("!", "")}
        TaxBaseAmountInTransCrcy:amount@amount {_TAX_BASES} TaxIsToBeCalculated:flag
        """,
}
# Elements of later releases. Their place in the order is not known, so they may stand anywhere in their list.
NEWER: dict[str, str] = {
    "JournalEntry": "ReversalReason:t2 ReversalReferenceDocument:t20",
    "Item": "IsNegativePosting:flag",
    "DebtorItem": "IsNegativePosting:flag",
    "CreditorItem": "IsNegativePosting:flag",
}
