"""The Anaplan models of the sandbox: lists, modules, files and actions, with their ids."""

from __future__ import annotations

from dataclasses import dataclass, field

WORKSPACE_ID = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
WORKSPACE_NAME = "Corporate Finance"
FINANCE_HUB = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
WORKFORCE = "77B1E0D25C9A4F3E8D6B1A2C3E4F5061"
CUSTOMER_ID = "8a81b0927f3c4e1d9a6b5c4d00000001"

PLAN_LINES, PLAN_APPROVAL, APPROVAL_ITEM = "Plan Lines", "Plan Approval", "NOV-2026"
PLAN_JOURNAL, APPROVAL_MODULE, POSTING_STATUS = "PLN01 Journal", "PLN00 Approval", "PLN02 Posting Status"

TEXT, NUMBER, DATE, BOOLEAN = "TEXT", "NUMBER", "DATE", "BOOLEAN"


@dataclass(frozen=True, slots=True)
class FieldSeed:
    """A list property or a module line item; `list_name` makes it list-formatted, matched by code."""

    name: str
    format: str = TEXT
    list_name: str = ""
    formula: str = ""


@dataclass(frozen=True, slots=True)
class ListSeed:
    """A list; a numbered one has no member names and is known by code."""

    name: str
    numbered: bool = False
    properties: tuple[FieldSeed, ...] = ()
    parent: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class ModuleSeed:
    """A module over one list."""

    name: str
    list_name: str
    line_items: tuple[FieldSeed, ...]


@dataclass(frozen=True, slots=True)
class SummarySeed:
    """A module of totals: what `module` has in `sums`, and how many lines (`count`), for each scope of `by`."""

    name: str
    module: str
    by: tuple[str, ...]
    sums: tuple[str, ...]
    count: str


@dataclass(frozen=True, slots=True)
class FileSeed:
    """An import source with its saved columns."""

    name: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportSeed:
    """An import; `mapping` says which source column feeds which target."""

    name: str
    file: str
    target_list: str = ""
    target_module: str = ""
    mapping: dict[str, str] = field(default_factory=dict)
    match_by: str = "code"


@dataclass(frozen=True, slots=True)
class ControlSeed:
    """Lines at the end of an export, one for each value of the line item `by`, with the sums of others."""

    by: str
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportSeed:
    """An export of a module; its output file bears its id."""

    name: str
    module: str
    control: ControlSeed | None = None


@dataclass(frozen=True, slots=True)
class ProcessSeed:
    """Imports in running order."""

    name: str
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteSeed:
    """An action that deletes the members of a list whose boolean property is true."""

    name: str
    list_name: str
    property: str


@dataclass(frozen=True, slots=True)
class ModelSeed:
    """One model, whole."""

    id: str
    name: str
    lists: tuple[ListSeed, ...]
    modules: tuple[ModuleSeed, ...] = ()
    files: tuple[FileSeed, ...] = ()
    imports: tuple[ImportSeed, ...] = ()
    exports: tuple[ExportSeed, ...] = ()
    processes: tuple[ProcessSeed, ...] = ()
    deletes: tuple[DeleteSeed, ...] = ()
    rows: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    summaries: tuple[SummarySeed, ...] = ()


def _texts(*names: str) -> tuple[FieldSeed, ...]:
    return tuple(FieldSeed(name) for name in names)


_VALID = (FieldSeed("Valid From", DATE), FieldSeed("Valid To", DATE))
_BLOCKED = FieldSeed("Blocked", BOOLEAN)
_PARTNER = (*_texts("Name", "Account Group", "Business Partner"), _BLOCKED)

_GENERAL = {
    "GL Accounts": ("accounts.csv", "Accounts", (*_texts("Account Type", "Account Group"), _BLOCKED)),
    "Cost Centers": (
        "cost_centers.csv",
        "Cost Centers",
        (*_texts("Company Code", "Profit Center", "Category", "Responsible"), *_VALID),
    ),
    "Profit Centers": (
        "profit_centers.csv",
        "Profit Centers",
        (*_texts("Company Code", "Segment", "Responsible"), *_VALID),
    ),
}
_NUMBERED = {"Suppliers": "suppliers.csv", "Customers": "customers.csv"}

_ACTUALS: dict[str, tuple[str, str, str, tuple[FieldSeed, ...]]] = {
    "GL Line Items": (
        "gl_line_items.csv",
        "ACT01 GL Actuals",
        "Load GL line items",
        (
            FieldSeed("Company Code"),
            FieldSeed("GL Account", list_name="GL Accounts"),
            FieldSeed("Cost Center", list_name="Cost Centers"),
            FieldSeed("Profit Center", list_name="Profit Centers"),
            *_texts("Fiscal Year", "Period"),
            FieldSeed("Posting Date", DATE),
            *_texts("Document", "Debit Credit"),
            FieldSeed("Amount", NUMBER),
            FieldSeed("Currency"),
        ),
    ),
    "Supplier Invoices": (
        "supplier_invoices.csv",
        "ACT02 Supplier Invoices",
        "Load supplier invoices",
        (
            FieldSeed("Supplier", list_name="Suppliers"),
            *_texts("Company Code", "Reference"),
            FieldSeed("Document Date", DATE),
            FieldSeed("Posting Date", DATE),
            FieldSeed("Gross Amount", NUMBER),
            *_texts("Currency", "Status"),
            FieldSeed("Reversed", BOOLEAN),
        ),
    ),
    "Purchase Order Items": (
        "purchase_orders.csv",
        "ACT03 Purchase Orders",
        "Load purchase orders",
        (
            FieldSeed("Purchase Order"),
            FieldSeed("Supplier", list_name="Suppliers"),
            FieldSeed("Company Code"),
            FieldSeed("Order Date", DATE),
            FieldSeed("Text"),
            FieldSeed("Quantity", NUMBER),
            FieldSeed("Net Amount", NUMBER),
            FieldSeed("Currency"),
        ),
    ),
}

_LINE_COUNT = "Line Count"
_SUMMARIES = (
    SummarySeed(
        "ACT11 GL Totals",
        "ACT01 GL Actuals",
        ("Company Code", "GL Account", "Fiscal Year", "Period", "Currency"),
        ("Amount",),
        _LINE_COUNT,
    ),
    SummarySeed(
        "ACT12 Invoice Totals", "ACT02 Supplier Invoices", ("Company Code", "Currency"), ("Gross Amount",), _LINE_COUNT
    ),
    SummarySeed(
        "ACT13 Order Totals", "ACT03 Purchase Orders", ("Company Code", "Currency"), ("Net Amount",), _LINE_COUNT
    ),
)

_APPROVAL = _texts("Status", "Approved By", "Approved At")
_POSTED = _texts("Status", "Document", "Fiscal Year", "Posted At")
_PLAN_LINE = (
    *_texts("Company Code", "GL Account", "Cost Center", "Profit Center"),
    FieldSeed("Posting Date", DATE),
    FieldSeed("Amount", NUMBER),
    FieldSeed("Gross", NUMBER, formula="ABS(Amount)"),
    *_texts("Currency", "Text", "Group"),
    *_APPROVAL,
    FieldSeed("Line Count", NUMBER, formula="1"),
)


def _columns(fields: tuple[FieldSeed, ...]) -> tuple[str, ...]:
    return tuple(one.name for one in fields)


def _same(names: tuple[str, ...]) -> dict[str, str]:
    return {name: name for name in names}


def build_finance_hub() -> ModelSeed:
    """The model that the flows load, empty until they do, and that the plan is made in."""
    lists = [ListSeed(name, False, made[2]) for name, made in _GENERAL.items()]
    lists += [ListSeed(name, True, _PARTNER, display="Name") for name in _NUMBERED]
    lists += [ListSeed(name, True) for name in _ACTUALS]
    files, imports, modules, processes = [], [], [], []
    for name, (file, stem, properties) in _GENERAL.items():
        headers = ("Code", "Name", *_columns(properties))
        files.append(FileSeed(file, headers))
        imports.append(ImportSeed(f"{stem} from {file}", file, name, mapping=_same(headers)))
    for name, file in _NUMBERED.items():
        headers = ("Code", *_columns(_PARTNER))
        files.append(FileSeed(file, headers))
        imports.append(ImportSeed(f"{name} from {file}", file, name, mapping=_same(headers)))
    for name, (file, module, process, line_items) in _ACTUALS.items():
        headers = ("Code", *_columns(line_items))
        files.append(FileSeed(file, headers))
        modules.append(ModuleSeed(module, name, line_items))
        pair = (
            ImportSeed(f"{name} from {file}", file, name, mapping={"Code": "Code"}),
            ImportSeed(f"{module} from {file}", file, name, module, _same(headers)),
        )
        imports += pair
        processes.append(ProcessSeed(process, (pair[0].name, pair[1].name)))
    lists += [ListSeed(PLAN_LINES, True), ListSeed(PLAN_APPROVAL, False, _APPROVAL)]
    modules += [
        ModuleSeed(PLAN_JOURNAL, PLAN_LINES, _PLAN_LINE),
        ModuleSeed(APPROVAL_MODULE, PLAN_APPROVAL, _APPROVAL),
        ModuleSeed(POSTING_STATUS, PLAN_LINES, _POSTED),
    ]
    told = ("Code", *_columns(_POSTED))
    files.append(FileSeed("posting_status.csv", told))
    name = f"{POSTING_STATUS} from posting_status.csv"
    imports.append(ImportSeed(name, "posting_status.csv", PLAN_LINES, POSTING_STATUS, _same(told)))
    return ModelSeed(
        FINANCE_HUB,
        "Finance Hub",
        tuple(lists),
        tuple(modules),
        tuple(files),
        tuple(imports),
        (
            ExportSeed("GL Actuals export.csv", "ACT01 GL Actuals"),
            ExportSeed(f"{PLAN_JOURNAL}.csv", PLAN_JOURNAL, ControlSeed("Currency", ("Gross", "Line Count"))),
            ExportSeed("GL Totals export.csv", "ACT11 GL Totals"),
        ),
        tuple(processes),
        (DeleteSeed("Delete blocked GL accounts", "GL Accounts", "Blocked"),),
        {PLAN_APPROVAL: ((APPROVAL_ITEM, APPROVAL_ITEM),)},
        _SUMMARIES,
    )


def build_workforce() -> ModelSeed:
    """A second model: a list with a parent list, a name-matched import of a numbered list, a calculated line item."""
    return ModelSeed(
        WORKFORCE,
        "Workforce",
        (
            ListSeed("Divisions"),
            ListSeed("Departments", parent="Divisions"),
            ListSeed("Employees", True, _texts("Name"), display="Name"),
        ),
        (
            ModuleSeed(
                "HC01 Headcount",
                "Departments",
                (
                    FieldSeed("Heads", NUMBER),
                    FieldSeed("Comment"),
                    FieldSeed("Open", BOOLEAN),
                    FieldSeed("Twice", NUMBER, formula="Heads * 2"),
                ),
            ),
        ),
        (
            FileSeed("departments.csv", ("Code", "Name", "Parent")),
            FileSeed("employees.csv", ("Name",)),
            FileSeed("headcount.csv", ("Code", "Heads", "Comment", "Open", "Twice")),
        ),
        (
            ImportSeed(
                "Departments from departments.csv",
                "departments.csv",
                "Departments",
                mapping=_same(("Code", "Name", "Parent")),
            ),
            ImportSeed(
                "Employees from employees.csv", "employees.csv", "Employees", mapping={"Name": "Name"}, match_by="name"
            ),
            ImportSeed(
                "HC01 Headcount from headcount.csv",
                "headcount.csv",
                "Departments",
                "HC01 Headcount",
                _same(("Code", "Heads", "Comment", "Open", "Twice")),
            ),
        ),
        (ExportSeed("Headcount export.csv", "HC01 Headcount"),),
        rows={"Divisions": (("D1", "Operations"), ("D2", "Sales"))},
    )


def build_models() -> tuple[ModelSeed, ...]:
    """Every model of the simulated tenant."""
    return build_finance_hub(), build_workforce()
