"""Properties of the journal's line items (an extract; `m` marks the measures)."""

from __future__ import annotations

LINE_ITEM = """
*ID:S!fo SourceLedger:S2u CompanyCode:S4u FiscalYear:S4n AccountingDocument:S10u LedgerGLLineItem:S6u Ledger:S2u
LedgerFiscalYear:S4n GLRecordType:S1u ControllingArea:S4u ChartOfAccounts:S4u GLAccount:S10u
FinancialTransactionType:S3u BusinessTransactionType:S4u ControllingBusTransacType:S4u ReferenceDocumentType:S5u
LogicalSystem:S10u ReferenceDocumentContext:S10u ReferenceDocument:S10u ReferenceDocumentItem:S6n IsReversal:Bu
IsReversed:Bu ReversalReferenceDocumentCntxt:S10u ReversalReferenceDocument:S10u PredecessorReferenceDocType:S5u
PredecessorReferenceDocument:S10u CostCenter:S10u ProfitCenter:S10u FunctionalArea:S16u BusinessArea:S4u Segment:S10u
PartnerCostCenter:S10u PartnerProfitCenter:S10u PartnerFunctionalArea:S16u PartnerBusinessArea:S4u PartnerCompany:S6u
PartnerSegment:S10u BalanceTransactionCurrency:S5u AmountInBalanceTransacCrcy:N23.3fm TransactionCurrency:S5u
AmountInTransactionCurrency:N23.3fm CompanyCodeCurrency:S5u AmountInCompanyCodeCurrency:N23.3fm GlobalCurrency:S5u
AmountInGlobalCurrency:N23.3fm FreeDefinedCurrency1:S5u AmountInFreeDefinedCurrency1:N23.3fm FreeDefinedCurrency2:S5u
AmountInFreeDefinedCurrency2:N23.3fm FreeDefinedCurrency3:S5u AmountInFreeDefinedCurrency3:N23.3fm
FreeDefinedCurrency4:S5u AmountInFreeDefinedCurrency4:N23.3fm FreeDefinedCurrency5:S5u
AmountInFreeDefinedCurrency5:N23.3fm FreeDefinedCurrency6:S5u AmountInFreeDefinedCurrency6:N23.3fm
FreeDefinedCurrency7:S5u AmountInFreeDefinedCurrency7:N23.3fm FreeDefinedCurrency8:S5u
AmountInFreeDefinedCurrency8:N23.3fm BaseUnit:S3 Quantity:N23.3fm DebitCreditCode:S1u FiscalPeriod:S3n
FiscalYearVariant:S2u FiscalYearPeriod:S7n PostingDate:D DocumentDate:D AccountingDocumentType:S2u
AccountingDocumentItem:S3n AssignmentReference:S18 AccountingDocumentCategory:S1u PostingKey:S2u
TransactionTypeDetermination:S3u SubLedgerAcctLineItemType:S5n AccountingDocCreatedByUser:S12 LastChangeDateTime:Z0
CreationDateTime:Z0 CreationDate:D GLAccountType:S1u InvoiceReference:S10u PurchasingDocument:S10u
PurchasingDocumentItem:S5n DocumentItemText:S50 SalesDocument:S10u SalesDocumentItem:S6n Product:S18u Plant:S4u
Supplier:S10u Customer:S10u FinancialAccountType:S1u SpecialGLCode:S1u TaxCode:S2u HouseBank:S5u HouseBankAccount:S5u
IsOpenItemManaged:S1u ClearingDate:D ClearingAccountingDocument:S10u ClearingDocFiscalYear:S4n AccountAssignment:S30u
AccountAssignmentType:S2u OrderID:S12u
"""
