"""Checks an evidence pack by itself: python3 verify.py PACK.zip [CHECKPOINTS]

Needs Python 3.11 and nothing else. CHECKPOINTS: a file of signed notes that you kept elsewhere. Compare the digest that
it prints with the one that was told when the pack was made. Exit code 0: all of it fits, by SHA-256 and Ed25519.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_P, _L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ENDS = {"done": "done", "failed": "failed", "blocked": "blocked", "asks": "blocked", "cancelled": "cancelled"}
_ORDER = ("run", "proposal", "event", "position", "part")
_OF_RUNS = {"run", "step", "task", "records", "rejects", "replay", "watermark"}
_PLANNED = {"state": "planned", "attempt": 0, "looks": 0, **dict.fromkeys(("sent_at", "look_at", "proved_at"))}
_PLANNED |= dict.fromkeys(("accounting_document", "fiscal_year", "said", "difference"), "")
canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # keys are in canonical order here
_SAID = ("decision", "reason", "comment")
_NOTE = re.compile(r"((?:.+\n)+)\n((?:— \S+ \S+\n)+)")


def sha(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def need(true: object, words: str) -> None:  # go on only when it is true
    if not true:
        raise AssertionError(words)


def _add(p: Any, q: Any) -> Any:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, p: Any) -> Any:
    q: Any = (0, 1, 1, 0)
    while number:
        q, p, number = _add(q, p) if number & 1 else q, _add(p, p), number >> 1
    return q


def _point(content: bytes) -> Any:
    odd, y = divmod(int.from_bytes(content, "little"), 2**255)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    x = x if (x * x - square) % _P == 0 else x * pow(2, (_P - 1) // 4, _P) % _P
    if y >= _P or (x * x - square) % _P or (not x and odd):
        return None
    x = x if x & 1 == odd else _P - x
    return x, y, 1, x * y % _P


def signed(public: bytes, message: bytes, signature: bytes) -> bool:  # Ed25519
    key, first, number = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    said = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    if key is None or first is None or number >= _L or (len(public), len(signature)) != (32, 64):
        return False
    left, right = _times(number, _point(b"X" + b"f" * 31)), _add(first, _times(said % _L, key))
    return not any((left[at] * right[2] - right[at] * left[2]) % _P for at in (0, 1))


class Check:
    """One look at a pack; what was found to be right is told in `said`, AssertionError tells what is not."""

    def __init__(self, pack: zipfile.ZipFile, anchor: str, said: list[str]) -> None:
        self.pack, self.anchor, self.said, self.signatures = pack, anchor, said, 0
        self.about, self.rejected = dict[str, Any](), dict[int, Any]()
        self.tied, self.waived = dict[int, Any](), dict[tuple[int, int], Any]()

    def lines(self, name: str) -> Any:  # the values of a member, in their order, each in the one way there is
        with self.pack.open(name) as file:
            before: list[Any] = []
            for number, line in enumerate(file, 1):
                value = json.loads(line)
                after = [value[part] for part in _ORDER if part in value] if isinstance(value, dict) else []
                fits = line == f"{canonical(value)}\n".encode() and (before < after or not after)
                need(fits, f"{name}, line {number}, is not in its place, or not canonical JSON")
                before = after
                yield value

    def members(self) -> None:
        told, names = self.pack.read("manifest.json"), self.pack.namelist()
        need(self.pack.read("manifest.sha256") == f"{sha(told)}  manifest.json\n".encode(), "the manifest was changed")
        self.manifest = json.loads(told)
        wanted = [*(one["name"] for one in self.manifest["members"]), "manifest.json", "manifest.sha256"]
        sealed = ["seal.txt"] * (names[-1] == "seal.txt")
        need(names == wanted + sealed, "members are missing, too many or in another order")
        for one in self.manifest["members"]:
            with self.pack.open(one["name"]) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            need(found == one["sha256"], f"{one['name']} is not as it was made")
        self.keys = json.loads(self.pack.read("keys.json"))
        self.said.append(f"{len(wanted)} members are those of the manifest; the pack's digest is {sha(told)}")
        for seal in self.notes("".join(self.pack.read(name).decode() for name in sealed)):
            need(seal["digest"] == sha(told), "the seal is about another pack")
            self.said.append(f"the pack is sealed by {seal['signer']}")

    def notes(self, text: str, *, trusted: bool = False) -> Any:
        """The fields of each signed note; one that is not trusted has to be signed by a key of the pack."""
        need(not _NOTE.sub("", text).strip(), "there is something beside the signed notes")
        for found in _NOTE.finditer(text):
            fields = dict(line.split(" ", 1) for line in found[1].splitlines()[1:])
            mine, genuine = fields["store"] == self.manifest["store"], trusted
            for name, number, packed in (line.split("+", 2) for line in self.keys["checkpoints"]):
                public = base64.b64decode(packed)[1:]
                own = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
                for by, made in re.findall(r"— (\S+) (\S+)\n", found[2]):
                    content = base64.b64decode(made, validate=True)
                    named = (by, f"{by}+{number}", content[:4]) == (name, fields["signer"], own)
                    genuine = genuine or (named and signed(public, found[1].encode(), content[4:]))
            need(genuine and (mine or trusted), "a note is not signed by whom it names, or about another log")
            if mine:
                yield fields

    def chain(self) -> None:
        told, block, wanted, met, full = self.manifest["chain"], self.manifest["runs"], dict[int, set[str]](), 0, 0
        inside = list(self.notes(self.pack.read("checkpoints.txt").decode()))
        kept = list(self.notes(self.anchor, trusted=True))
        need(kept or not self.anchor, "the anchor holds no checkpoint of this log")
        for note in inside + kept:
            wanted.setdefault(int(note["seq"]), set()).add(note["hash"])
        fits = wanted.get(told["first"] - 1, {told["before"]}) == {told["before"]}
        fits = fits and all(int(note["seq"]) <= told["last"] for note in inside)
        need(fits, "an event is missing that a checkpoint names, or the one before the first is another")
        self.runs = {one["run"]: one for one in self.lines("runs.jsonl")}
        missing = set(range(block["first"], block["last"] + 1)) - set(self.runs)
        need(missing == set(block["missing"]), "a run is not in the list")
        changes = {one["event"]: one for one in self.lines("changes.jsonl")}
        seq, previous, count = told["first"] - 1, told["before"], len(changes)
        over, ended = set[int](), {number for number, one in self.runs.items() if one["ended_at"]}
        for seq, (row, data, digest) in enumerate(self.lines("events.jsonl"), told["first"]):
            need(row["seq"] == seq and sha(previous + canonical(row)) == digest, f"event {seq} is missing or changed")
            need(data is None or sha(canonical(data)) == row["payload"], f"the data of event {seq} were changed")
            need(not self.needed(row) or data is not None, f"the data of event {seq} are missing")
            need(wanted.get(seq, {digest}) == {digest}, f"event {seq} is not the one that a checkpoint names")
            at = (_EPOCH + timedelta(microseconds=row["at"])).isoformat().replace("+00:00", "Z")
            if one := changes.pop(seq, None):
                same = (one["kind"], one["subject"], one["by"]) == (row["kind"], row["subject"], row["actor"])
                need(same and one["at"] == at, f"the change of event {seq} is told otherwise")
            previous, met, full = digest, met + (seq in wanted), full + (data is not None)
            over |= {row["run_id"]} if row["kind"].removeprefix("run.") in _ENDS else set()
            if data is not None:
                self.keep(row, data, at, row["kind"].split("."))
        need((seq, previous) == (told["last"], told["head"]), "the log does not end where the manifest says")
        need(not changes and ended <= over, "a change or the end of a run is told of which there is no event")
        self.said.append(f"{seq - told['first'] + 1} events in one chain, {full} with data, {met} under a checkpoint")
        self.said.append(f"{len(self.runs)} runs and {count} changes are as their events say, none is left out")

    def needed(self, row: Any) -> bool:  # whether an event has to be here with its data
        (since, until), listed = self.manifest["scope"]["micros"], row["run_id"] in self.runs
        within = since is not None and since <= row["at"] < until
        need(not within or row["kind"] != "run.requested" or listed, f"run {row['run_id']} is not in the list")
        needed = listed and row["kind"].split(".")[0] in _OF_RUNS
        needed = needed or (within and not self.manifest["scope"]["company"])
        return needed and row["seq"] not in self.manifest["erased"]

    def keep(self, row: Any, data: Any, at: str, kind: list[str]) -> None:
        run, one = row["run_id"], self.runs.get(row["run_id"])
        if one and kind[0] == "run" and kind[1] in {"requested", *_ENDS}:
            said = {"flow": row["subject"], **{name: data[name] for name in one.keys() & data.keys()}}
            asked = kind[1] == "requested"
            said |= (
                {"requested_by": row["actor"], "requested_at": at}
                if asked
                else {"state": _ENDS[kind[1]], "ended_at": at}
            )
            need(said.items() <= one.items(), f"run {run} does not stand so")
        elif kind == ["run", "tied"]:
            self.tied[run] = data
        elif kind == ["records", "rejected"]:
            self.rejected[row["seq"]] = (run, data)
        elif kind == ["records", "dropped"]:
            self.rejected = {seq: told for seq, told in self.rejected.items() if told[0] != run}
        elif row["kind"] in {"rejects.waived", "rejects.waiver_taken_back"}:
            waived = (data["reason"], row["actor"]) if kind[1] == "waived" else None
            self.waived.update({(run, place): waived for place in data["positions"]})
        elif kind[0] in {"proposal", "document"}:
            name = row["subject"] if kind[0] == "proposal" else f"P-{data['proposal']:04}"
            self.about.setdefault(name, []).append((row["kind"].removeprefix("proposal."), data))

    def ties(self) -> None:
        left = {number: one["tie"] for number, one in self.runs.items() if one["tie"]}
        self.said.append(f"{len(left)} tie-outs hold the figures and differences that were written")
        for one in self.lines("ties.jsonl"):
            event, digest = self.tied.pop(one["run"]), sha(canonical(one["told"]) + canonical(one["differences"]))
            same = (one["verdict"], one["words"], digest) == (event["verdict"], event["words"], event["digest"])
            need(same and left.pop(one["run"]) == one["verdict"], f"the tie-out of run {one['run']} was changed")
        need(not self.tied and not left, "a tie-out is missing")

    def rejects(self) -> None:
        groups: dict[tuple[int, int], list[str]] = {}
        for one in self.lines("rejects.jsonl"):
            name, ended = f"the refusal of record {one['position']} of run {one['run']}", one["resolution"]
            said = [one[part] for part in ("position", "part", "key", "by", "cause", "detail", "file_line")]
            digest = one["values"] is not None and sha(canonical([*said, canonical(one["values"])]))
            need(digest in {False, one["digest"]}, f"{name} is not as it was written")
            groups.setdefault((one["event"], one["run"]), []).append(one["digest"])
            if ended["state"] == "waived" and ended["place"][0] in self.runs:
                need(self.waived.get(tuple(ended["place"])) == (ended["reason"], ended["by"]), f"{name} was not waived")
        found = {place: (len(digests), sha("".join(digests))) for place, digests in groups.items()}
        told = {(seq, run): (data["count"], data["digest"]) for seq, (run, data) in self.rejected.items()}
        need(found == told, "refusals are missing, or no event tells of them")
        self.said.append(f"{sum(map(len, groups.values()))} refusals are those that were written")

    def proposals(self) -> None:
        lines, left, count = self.lines("lines.jsonl"), {k: v for k, v in self.about.items() if v[0][0] == "made"}, 0
        for one in self.lines("proposals.jsonl"):
            count += len(one["documents"])
            self.proposal(one, left.pop(one["proposal"]), lines)
        need(not left and next(lines, None) is None, "proposals are missing, or there are lines of none")
        self.said.append(f"{count} documents of the proposals are as made, decided, posted and proved")
        self.said.append(f"{self.signatures} signatures are genuine, each over the very proposal it stands under")

    def proposal(self, one: Any, events: list[tuple[str, Any]], lines: Any) -> None:
        name, row, documents, made = one["proposal"], one["row"], one["documents"], events[0][1]
        digests, marks, signatures = made["digests"], dict[int, Any](), list[Any]()
        stands = {"state": "planned", "reason": "", "gates": made["gates"], "gates_at": made["made_at"]}
        stands["checked_at"], moved = None, {each["row"][1]: dict(_PLANNED) for each in documents}
        for kind, data in events[1:]:
            if kind.startswith("document."):
                moved[data["document"]].update({**data["changes"], "state": data["to"]})
            elif kind == "signed":
                signatures.append(data)
            elif kind in {"lines", "comment"}:
                for number in data["numbers"]:
                    marks.setdefault(number, {}).update({part: data[part] for part in _SAID if part in data})
            else:
                stands.update({part: data[part] for part in stands if part in data})
                stands["state"] = kind if "from" in data else stands["state"]
        found = {part: one[part] for part in stands} | {"gates": sha(canonical(one["gates"]))}
        need(found == stands, f"{name} does not stand so")
        own, per = [line for _, line in zip(range(row[13]), lines, strict=False)], digests["per"]
        taken = [[row], *([each["row"]] for each in documents)]
        taken += [[line[1] for line in own[at : at + per]] for at in range(0, len(own), per)]
        told = [digests["row"], *digests["documents"], *digests["lines"]]
        need([sha(canonical(rows)) for rows in taken] == told, f"rows of {name} are not as they were made")
        for number, line, *said in own:
            told = [marks.get(line[0], {}).get(part, "") for part in _SAID]
            need((number, said) == (row[0], told), f"what was said of a line of {name} was changed")
        for each in documents:
            said, first = each["row"], each["row"][2] - 1
            content = (canonical([line[2], *line[4:15]]) for _, line, *_ in own[first : first + said[9]])
            whole = canonical([said[1], *said[3:12]]) + "".join(map(sha, content))
            need(sha(whole) == said[12], f"document {said[1]} of {name} is not made of its lines")
            need(each["standing"] == moved[said[1]], f"document {said[1]} of {name} does not stand so")
        head = {"documents": [each["row"][12] for each in documents], "head": json.loads(row[6])}
        whole = canonical({**head, "schema": "tui-connector/proposal/1"})
        need((f"P-{row[0]:04}", sha(whole)) == (name, row[5]), f"{name} has another fingerprint")
        need(signatures or one["state"] not in {"approved", "posted"}, f"nobody has signed {name}")
        need(len(signatures) == len(one["approvals"]), f"signatures of {name} are missing or too many")
        for approval, told in zip(one["approvals"], signatures, strict=True):
            self.approval(one, head["head"], approval, told)

    def approval(self, one: Any, head: Any, approval: Any, told: Any) -> None:
        words, statement = f"the signature of {approval['name']} under {one['proposal']}", approval["statement"]
        said, signature = json.loads(statement), base64.b64decode(approval["signature"], validate=True)
        need({**approval, "statement": sha(statement), "signature": sha(signature)} == told, f"{words} was changed")
        keys = {key["key_id"]: base64.b64decode(key["public_key"]) for key in self.keys["approvers"]}
        public = keys.get(approval["key"], b"")
        need(public, f"{words} cannot be checked: there is no public key of it")
        genuine = sha(public)[:16] == approval["key"] and signed(public, statement.encode(), signature)
        need(genuine, f"{words} is not genuine")
        meant = {"decision": "approve", "fingerprint": one["row"][5], "head": head, "author": one["row"][8]}
        meant["documents"] = [[each["row"][1], each["row"][12], each["row"][15]] for each in one["documents"]]
        meant |= {"approver": approval["user"], "approver_key": approval["key"]}
        need(meant == {name: said[name] for name in meant}, f"{words} is over something else")
        self.signatures += 1


def look(place: Any, anchor: str | Path = "") -> tuple[list[str], str]:
    """What was found to be right, and the first thing that is wrong; "" when nothing is."""
    said: list[str] = []
    try:
        with zipfile.ZipFile(place) as pack:
            check = Check(pack, Path(anchor).read_text(encoding="utf-8") if anchor else "", said)
            for part in (check.members, check.chain, check.ties, check.rejects, check.proposals):
                part()
    except Exception as error:  # noqa: BLE001 - whatever somebody has made of the pack
        return said, str(error) if isinstance(error, AssertionError) else f"the pack cannot be read: {error!r}"
    return said, ""


if __name__ == "__main__":
    right, fault = look(*sys.argv[1:]) if len(sys.argv) in {2, 3} else sys.exit(__doc__)
    told = [*(f"ok     {line}" for line in right), f"WRONG  {fault}" if fault else "SOUND  all of this pack fits", ""]
    sys.stdout.write("\n".join(told).encode("ascii", "backslashreplace").decode())
    sys.exit(bool(fault))
