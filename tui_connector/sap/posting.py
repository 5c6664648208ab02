"""The ways of writing a journal entry into SAP, behind one shape: send, test, look up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui_connector.domain.flow import Channel as ChannelKind
from tui_connector.domain.flow import ODataSource
from tui_connector.domain.ledger import PostAnswer, PostOutcome, SapMessage
from tui_connector.sap import journal_odata, plan_data
from tui_connector.sap.endpoints import JOURNAL_ENTRY, PLAN_DATA_SERVICE, PLAN_DATA_SET
from tui_connector.sap.journal_odata import ODataChannel
from tui_connector.sap.journal_xml import SOAP_ACTION, entry_id, read_confirmation, read_fault, request_bytes
from tui_connector.sap.outcomes import not_definite, sending
from tui_connector.sap.plan_data import PlanDataChannel
from tui_connector.sap.read_back import READ_BACK, READ_BACK_FIELDS, find_documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import FoundDocument, JournalEntry
    from tui_connector.sap.client import SapClient

__all__ = ["Channel", "ODataChannel", "PlanDataChannel", "SoapChannel", "described", "open_channel"]

_SERVICE = "JournalEntryCreateRequestConfirmation_In"
_HEADERS = {"content-type": "text/xml; charset=utf-8", "accept": "text/xml", "soapaction": SOAP_ACTION}


class Channel(Protocol):
    """One endpoint. resend_replaces: the same entry sent again replaces the first instead of standing beside it."""

    resend_replaces: bool

    def payload(self, entry: JournalEntry) -> bytes:
        """The exact bytes to send; the same for the same entry. Raises RejectedError where SAP cannot hold a value."""

    async def send(
        self, payload: bytes, entry: JournalEntry, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        """Send them once; every way this can end is an outcome, none an error.

        last_check: called just before the bytes leave; what it raises, a ConnectorError, means that nothing was sent.
        """

    async def test(self, entry: JournalEntry) -> PostAnswer | None:
        """Let SAP check the entry without posting it; None where the channel has no test run."""

    async def find(self, entry: JournalEntry) -> list[FoundDocument]:
        """What SAP holds of the entry. Raises ConnectorError when it cannot look, which says nothing about it."""


def described(flow: WritebackFlow) -> tuple[ODataSource, tuple[str, ...]]:
    """The service whose $metadata tell how documents go or, with SOAP, come back; and its fields that are named."""
    match flow.channel:
        case ChannelKind.SOAP:
            return READ_BACK, READ_BACK_FIELDS
        case ChannelKind.ODATA:
            service, _, entity_set = flow.journal_service.partition("/")
            return ODataSource(service, entity_set, key=()), journal_odata.FIELDS
        case ChannelKind.PLAN_DATA:
            return ODataSource(PLAN_DATA_SERVICE, PLAN_DATA_SET, key=()), plan_data.FIELDS


def open_channel(client: SapClient, flow: WritebackFlow) -> Channel:
    """The channel that a flow writes through. Raises ConfigError for a journal service that is not the customer's."""
    match flow.channel:
        case ChannelKind.SOAP:
            return SoapChannel(client)
        case ChannelKind.ODATA:
            return ODataChannel(client, flow.journal_service)
        case ChannelKind.PLAN_DATA:
            return PlanDataChannel(client)


class SoapChannel:
    """Journal Entry - Post (Synchronous): one entry a call. It needs no CSRF token."""

    resend_replaces = False

    def __init__(self, client: SapClient) -> None:
        self._client = client

    def payload(self, entry: JournalEntry) -> bytes:
        """The SOAP message. Raises RejectedError for a value that SAP's fields cannot hold as it is."""
        return request_bytes(entry)

    async def send(
        self, payload: bytes, entry: JournalEntry, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        """Send it once."""
        return await self._exchange(payload, entry, test_run=False, last_check=last_check)

    async def test(self, entry: JournalEntry) -> PostAnswer | None:
        """SAP's checks, without a posting; POSTED means that SAP would post it. Raises RejectedError as `payload`."""
        return await self._exchange(request_bytes(entry, test_run=True), entry, test_run=True)

    async def find(self, entry: JournalEntry) -> list[FoundDocument]:
        """Documents with the entry's reference. Raises ConnectorError when it cannot look."""
        return await find_documents(self._client, entry.company_code, entry.reference)

    async def _exchange(
        self, payload: bytes, entry: JournalEntry, *, test_run: bool, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        sent = self._client.write("POST", JOURNAL_ENTRY, payload, headers=_HEADERS, last_check=last_check)
        answer = await sending(sent, name=self._client.name, service=_SERVICE)
        if isinstance(answer, PostAnswer):
            return answer
        if answer.status == 200 and answer.content_type != "text/html":
            return read_confirmation(answer.body, entry_id(entry, test_run=test_run), test_run=test_run)
        if answer.status in (400, 500) and (told := read_fault(answer.body)) is not None:
            why = "SAP could not read the message; nothing was posted"
            return PostAnswer(PostOutcome.REJECTED, why, messages=(SapMessage("", 3, told),))
        return not_definite(answer)
