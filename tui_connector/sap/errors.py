"""What SAP says when it refuses: reads its error bodies and turns them into the error tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tui_connector.domain.errors import AuthenticationError, ConnectorError, ContractChangedError, TransientError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from tui_connector.transport.client import Response

_SCENARIOS = {
    "API_GLACCOUNTINCHARTOFACCOUNTS_SRV": "SAP_COM_0087",
    "API_COSTCENTER_SRV": "SAP_COM_0087",
    "API_PROFITCENTER_SRV": "SAP_COM_0087",
    "API_COMPANYCODE_SRV": "SAP_COM_0087",
    "API_JOURNALENTRYITEMBASIC_SRV": "SAP_COM_0087",
    "API_GLACCOUNTLINEITEM": "SAP_COM_0303",
    "API_OPLACCTGDOCITEMCUBE_SRV": "SAP_COM_0303",
    "API_BUSINESS_PARTNER": "SAP_COM_0008",
    "API_PURCHASEORDER_PROCESS_SRV": "SAP_COM_0053",
    "api_purchaseorder_2": "SAP_COM_0053",
    "API_SUPPLIERINVOICE_PROCESS_SRV": "SAP_COM_0057",
    "JournalEntryCreateRequestConfirmation_In": "SAP_COM_0002",
}
_NOT_IN_ARRANGEMENT = frozenset({"/IWFND/MED/170", "/IWFND/CM_CONSUMER/101"})
_UNKNOWN_FIELD = re.compile(r"[Pp]roperty\s+['\"‘“]?([\w/]+)['\"’”]?\s.*?(?:not found|does not exist|unknown|invalid)")
_TEXT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class SapMessage:
    """An error body in one form. `text` and `details` are the tenant's own words, cleaned.

    code: message class and number such as "F5/507", or a hexadecimal id. transaction: SAP's id of the call, if told.
    """

    code: str
    text: str
    transaction: str = ""
    details: tuple[str, ...] = ()


def read_message(answer: Response) -> SapMessage:
    """The message of an error answer: JSON of either dialect, XML, or a note on what else came."""
    kind = answer.content_type
    body = answer.body[: 1024 * 1024]
    if kind.endswith("json"):
        return _from_json(body)
    if kind.endswith("xml"):
        return _from_xml(body)
    if kind == "text/html" or body.lstrip()[:1] == b"<":
        return SapMessage("", "a web page instead of data")
    return SapMessage("", clean(body.decode("utf-8", "replace").strip(), limit=_TEXT_LIMIT))


def error_beside_data(answer: Response) -> str:
    """The text of an error that SAP sends in a message header of a success; empty when there is none.

    V2 sends one object with severity "error", V4 a list with numericSeverity 4.
    """
    text = answer.headers.get("sap-message") or answer.headers.get("sap-messages")
    if not text:
        return ""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return ""
    for message in found if isinstance(found, list) else [found]:
        if isinstance(message, dict) and (message.get("severity") == "error" or message.get("numericSeverity") == 4):
            return _line(message.get("message", "")) or "without a text"
    return ""


def refusal(answer: Response, *, name: str, service: str, entity_set: str) -> ConnectorError:
    """The error for an answer that is no success, of a request that reads."""
    said = read_message(answer)
    quoted = f": {said.text}" if said.text else ""
    where = f"{name}: {clean(service, limit=80)}"
    if entity_set not in ("", service):
        where += f"/{clean(entity_set, limit=80)}"
    if answer.status == 401:
        return AuthenticationError(
            f"{name}: SAP refused the credential (401)",
            hint="Check the communication user and its password or secret; store them again with `credentials set`.",
        )
    if answer.status == 403:
        return _forbidden(said, where, service)
    if answer.status == 400 and (found := _UNKNOWN_FIELD.search(said.text)):
        return ContractChangedError(
            f"{where} has no field {found[1]}{quoted}",
            hint=f"Compare the flow's columns with the service's $metadata; {found[1]} is not in {entity_set}.",
        )
    if answer.status == 404:
        return ContractChangedError(
            f"{where} does not exist at this address (404){quoted}",
            hint="Check base_url (host with -api, no path) and that the service exists in this release.",
        )
    if answer.status >= 500:
        trail = f" SAP's transaction id is {said.transaction}." if said.transaction else ""
        return TransientError(
            f"{where} failed inside SAP ({answer.status}){quoted}",
            hint=f"Try again; if it stays, ask the SAP team to look at the error log.{trail}",
        )
    return ContractChangedError(
        f"{where} refuses the request ({answer.status}){quoted}",
        hint="Compare the flow's declaration with the service's $metadata.",
    )


def scenario_of(service: str) -> str:
    """The communication scenario a service belongs to, empty when not known."""
    return _SCENARIOS.get(service.partition("/")[0].partition(";")[0], "")


def _forbidden(said: SapMessage, where: str, service: str) -> AuthenticationError:
    scenario = scenario_of(service)
    arrangement = f"a communication arrangement for {scenario}" if scenario else "a communication arrangement for it"
    if said.code in _NOT_IN_ARRANGEMENT:
        return AuthenticationError(
            f"{where} is not open to this communication user (403, {said.code})",
            hint=f"Ask the SAP administrator for {arrangement} with this communication user.",
        )
    quoted = f": {said.text}" if said.text else ""
    return AuthenticationError(
        f"{where} is forbidden to this communication user (403){quoted}",
        hint=f"The user needs {arrangement}, and the authorizations behind it.",
    )


def _from_json(body: bytes) -> SapMessage:
    try:
        error = msgspec.json.decode(body)["error"]
        told = error["message"]
        text = told["value"] if isinstance(told, dict) else told
        inner = error.get("innererror") or {}
        items = inner.get("errordetails") or error.get("details") or []
        details = tuple(clean(str(item.get("message", "")), limit=_TEXT_LIMIT) for item in items[:20])
        return SapMessage(_short(error.get("code")), _line(text), _short(inner.get("transactionid")), details)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return SapMessage("", "an error body of an unknown form")


def _from_xml(body: bytes) -> SapMessage:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        return SapMessage("", "an error body that is no proper XML")
    texts: dict[str, str] = {}
    for element in root.iter():
        texts.setdefault(str(element.tag).rpartition("}")[2], element.text or "")
    if "message" not in texts and "faultstring" not in texts:
        return SapMessage("", "an error body of an unknown form")
    text = texts.get("message") or texts.get("faultstring", "")
    return SapMessage(_short(texts.get("code")), _line(text), _short(texts.get("transactionid")))


def _short(value: Any) -> str:
    return clean(str(value or ""), limit=80)


def _line(value: Any) -> str:
    return clean(" ".join(str(value).split()), limit=_TEXT_LIMIT)
