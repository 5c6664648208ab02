"""What is released holds all it needs: sdist, wheel, bill of materials; and the audit of it is never silent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = f"tui_connector-{PROJECT['version']}"


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def committed() -> set[str]:
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    return {name for name in listed if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that is built from what it unpacks to."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder)
    with tarfile.open(folder / f"{NAME}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=folder / NAME)
    return folder


def test_the_sdist_holds_what_is_committed(dist: Path) -> None:
    with tarfile.open(dist / f"{NAME}.tar.gz") as archive:
        held = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    assert held == committed() | {"PKG-INFO"}


def test_the_wheel_holds_the_whole_package(dist: Path) -> None:
    with zipfile.ZipFile(dist / f"{NAME}-py3-none-any.whl") as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licensed = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert held == {name for name in committed() if name.startswith("tui_connector/")} | {"tui_connector/config.toml"}
    assert licensed


def test_the_wheel_works_away_from_the_project(dist: Path, tmp_path: Path) -> None:
    site, away = tmp_path / "site", tmp_path / "away"
    away.mkdir()
    with zipfile.ZipFile(dist / f"{NAME}-py3-none-any.whl") as archive:
        archive.extractall(site)
    path = {"PYTHONPATH": str(site)}
    where = run(sys.executable, "-c", "import tui_connector; print(tui_connector.__file__)", cwd=away, **path)
    assert where.stdout.startswith(str(site))
    command = (sys.executable, "-m", "tui_connector")
    assert run(*command, "--version", cwd=away, **path).stdout.strip() == PROJECT["version"]
    assert run(*command, "config", "sample", cwd=away, **path).stdout == (ROOT / "config.toml").read_text()
    if os.environ.get("DEEP_TESTS"):
        told = run(*command, "demo", "--no-ui", "--once", "--line-items", "300", cwd=away, **path).stdout
        assert "All 8 documents are posted and proved to the cent" in " ".join(told.split())


def test_the_bill_of_materials_is_the_lock(tmp_path: Path) -> None:
    run(sys.executable, ".ci/sbom", tmp_path / "sbom.json")
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    locked = re.findall(r"(?m)^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text())
    assert {(one["name"], one["version"]) for one in bill["components"]} == set(locked)
    assert all(
        one["hashes"] and one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in bill["components"]
    )
    (needs,) = [one["dependsOn"] for one in bill["dependencies"] if one["ref"] == PROJECT["name"]]
    assert {"textual", "httpx", "cryptography"} <= {one.partition("@")[0] for one in needs}


def _found(*vulnerable: str, skipped: tuple[str, ...] = ()) -> str:
    bad = {"id": "CVE-2026-1", "fix_versions": ["2"]}
    well: list[Mapping[str, Any]] = [
        {"name": one, "version": "1", "vulns": [bad] * (one in vulnerable)} for one in ("a", "b")
    ]
    return json.dumps({"dependencies": [*well, *({"name": one, "skip_reason": "not found"} for one in skipped)]})


@pytest.mark.parametrize(
    ("told", "complaint", "code", "said"),
    [
        (_found(), "", 0, "no known vulnerability in 2 locked packages"),
        (_found("b"), "", 1, "VULNERABLE: b 1: CVE-2026-1, mended in 2"),
        (_found("b", skipped=("c",)), "", 1, "VULNERABLE: b"),
        (_found(skipped=("c",)), "", 0, "NOT AUDITED: 1 packages that PyPI does not tell of: c"),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', "", 0, "NOT AUDITED: pip-audit could not ask"),
        ("", "requests.exceptions.ConnectionError: Failed to resolve", 0, "NOT AUDITED: pip-audit could not ask"),
        ("", "ValueError: no such lock", 1, "pip-audit failed: ValueError: no such lock"),
        ("", "", 1, "pip-audit failed"),
    ],
)  # fmt: skip
def test_the_audit_fails_or_says_what_it_could_not_ask(
    told: str, complaint: str, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "pip_audit.py").write_text(f"import sys\nprint({told!r})\nprint({complaint!r}, file=sys.stderr)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, ".ci/audit"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
