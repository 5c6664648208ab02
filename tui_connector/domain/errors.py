"""The error tree: the class says what the caller does next.

::

    ConnectorError(message, *, hint)      hint = the operator's next move
    ├── TransientError(retry_after)       retry with jitter
    │   ├── RateLimitedError              the tenant answered 429: wait as told
    │   ├── UnreachableError              no answer, or a gateway's 502/503/504
    │   └── ModelLockedError              the Anaplan model is busy, locked or in maintenance
    ├── RejectedError(record_key)         audit it and go on with the next record
    │   ├── DuplicateDocumentError
    │   ├── PeriodClosedError
    │   └── UnknownDimensionError
    ├── OutcomeUnknownError(reference)    never resend blind: look it up by its reference, then decide
    ├── PersonNeededError                 nothing was sent: a person has to allow it first
    ├── StaleProposalError                the data moved since the diff: propose again
    ├── LeaseLostError                    another worker holds the model now: drop the work, write nothing more
    └── FatalError                        stop and tell a person
        ├── AuthenticationError           the tenant refused the credential, or it may not do this
        ├── ActionNotFoundError           a named file, list or action is missing or exists twice
        ├── ContractChangedError          an answer or a definition is not what the flow was declared against
        ├── TaskFailedError               an Anaplan task ended failed or cancelled; nothing was loaded
        ├── RefusedError                  a gate is closed or an approval does not hold; nothing was sent
        ├── StoreError                    the store cannot be used: newer version, damaged, moved
        │   └── StoreLostError            not for now: server gone, disk full, held; nothing half done: take it up again
        └── ConfigError                   a setting, argument or credential is wrong or missing
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class ConnectorError(Exception):
    """Root of every error the connector raises on purpose."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class TransientError(ConnectorError):
    """Try again later; `retry_after` is the tenant's own wish, if it had one."""

    def __init__(self, message: str, *, hint: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """The tenant answered 429."""


class UnreachableError(TransientError):
    """No connection, no answer in time, or a gateway answered for the tenant."""


class ModelLockedError(TransientError):
    """The Anaplan model cannot take the request now."""


class RejectedError(ConnectorError):
    """One record was refused; the run goes on."""

    def __init__(self, message: str, *, hint: str, record_key: str) -> None:
        super().__init__(message, hint=hint)
        self.record_key = record_key


class DuplicateDocumentError(RejectedError):
    """SAP already holds a document with this reference."""


class PeriodClosedError(RejectedError):
    """The posting period is closed."""


class UnknownDimensionError(RejectedError):
    """An account, cost center or partner does not exist on the far side."""


class OutcomeUnknownError(ConnectorError):
    """A request may or may not have taken effect; `reference` is what to look it up by."""

    def __init__(self, message: str, *, hint: str, reference: str) -> None:
        super().__init__(message, hint=hint)
        self.reference = reference


class PersonNeededError(ConnectorError):
    """A look before a load found what only a person may allow; nothing was sent."""


class StaleProposalError(ConnectorError):
    """The plan or the ledger moved since the diff was made."""


class LeaseLostError(ConnectorError):
    """Another worker took the model's lease over."""


class FatalError(ConnectorError):
    """No retry helps: a person has to act."""


class AuthenticationError(FatalError):
    """The tenant refused the credential, or the credential may not do this."""


class ActionNotFoundError(FatalError):
    """A file, list or action named in the configuration is missing or exists twice."""


class ContractChangedError(FatalError):
    """An answer or a definition on the far side is not what the flow was declared against."""


class TaskFailedError(FatalError):
    """An Anaplan task ended failed or cancelled."""


class RefusedError(FatalError):
    """A gate is closed or an approval does not hold: nothing was sent."""


class StoreError(FatalError):
    """The store cannot be used."""


class StoreLostError(StoreError):
    """The store cannot be had for now, with nothing half done: it is asked again.

    Its server went away, its disk is full, or another process holds it.
    """


class ConfigError(FatalError):
    """A setting, an argument or a credential is wrong or missing."""
