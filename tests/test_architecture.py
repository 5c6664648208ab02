"""The house keeps its floors, its manners and its promises about what is loaded and documented."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tui_connector.__main__ import main
from tui_connector.cli import build_parser
from tui_connector.domain.retention import CLASSES
from tui_connector.settings import sections
from tui_connector.settings.load import load_settings
from tui_connector.store.erasable import KINDS

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tui_connector"

BREACHES = {
    "Floors": ("domain/run.py", "import tui_connector.settings"),
    "The console sees the store, never the tenants": ("ui/__init__.py", "import tui_connector.sap"),
    "Headless never sees Textual": ("engine/worker.py", "import textual"),
    "The sandbox is a foreign country": ("sandbox/server.py", "import httpx"),
    "Only bootstrap opens the sandbox": ("cli/demo.py", "import tui_connector.sandbox"),
    "Domain and flows are plain Python": ("flows/suppliers.py", "import msgspec"),
    "No circles": ("transport/retry.py", "import tui_connector.transport.client"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)


def test_every_contract_is_kept() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert [contract["name"] for contract in contracts] == list(BREACHES)
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert "7 kept, 0 broken" in done.stdout


def test_each_contract_can_fail(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "tui_connector", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for place, line in BREACHES.values():
        path = tmp_path / "tui_connector" / place
        path.write_text(f"{path.read_text()}\n{line}  # broken on purpose\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    for contract in BREACHES:
        assert re.search(rf"^{re.escape(contract)}.* BROKEN", done.stdout, re.MULTILINE), contract


def modules_after(*arguments: str) -> set[str]:
    script = (
        "import sys\nfrom tui_connector.cli import run\n"
        f"try:\n    run({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_headless_never_loads_textual() -> None:
    script = "import sys, tui_connector.bootstrap, tui_connector.engine.worker, tui_connector.cli.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "httpx" in loaded  # the worker's real parts are there
    assert "textual" not in loaded


def test_help_is_kept_ready_and_true(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["tui-connector", "--help"])
    assert main() == 0
    assert capsys.readouterr().out == build_parser().format_help()


def test_help_of_a_command_needs_argparse_alone() -> None:
    loaded = modules_after("run", "--help")
    assert "argparse" in loaded
    assert not {"httpx", "pydantic", "sqlite_utils", "textual", "rich", "cryptography", "msgspec", "asyncio"} & loaded


SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("", sections.Settings),
    ("store", sections.StoreSettings),
    ("http", sections.HttpSettings),
    ("engine", sections.EngineSettings),
    ("vault", sections.VaultSettings),
    ("log", sections.LogSettings),
    ("metrics", sections.MetricsSettings),
    ("traces", sections.TracesSettings),
    ("evidence", sections.EvidenceSettings),
    ("retention", sections.RetentionSettings),
    ("schedule", sections.ScheduleSettings),
    ("alerts", sections.AlertSettings),
    ("alerts", sections.AlertTargetSettings),
    ("sap", sections.SapSettings),
    ("anaplan", sections.AnaplanSettings),
    ("flows", sections.FlowSettings),
    ("source", sections.SourceSettings),
    ("columns", sections.ColumnSettings),
    ("texts", sections.TextsSettings),
    ("approval", sections.ApprovalSettings),
    ("posting", sections.PostingSettings),
    ("periods", sections.PeriodSettings),
    ("flows", sections.SignalSettings),
    ("flows", sections.ControlSettings),
    ("flows", sections.StatusSettings),
    ("flows", sections.RadarSettings),
]


@pytest.mark.parametrize(("section", "model"), SECTIONS)
def test_every_setting_is_in_the_sample(section: str, model: type[BaseModel]) -> None:
    sample = (ROOT / "config.toml").read_text()
    for name, info in model.model_fields.items():
        spelled = info.alias or name
        assert re.search(rf"(^\[|[#{{,]\s*|^|\.){spelled}\b( =|\.|\])", sample, re.MULTILINE), f"{section}.{spelled}"


def test_the_sample_is_valid_with_every_default_switched_on(tmp_path: Path) -> None:
    plain = load_settings(ROOT / "config.toml")
    switched = re.sub(r"^# (?=\w+ = )", "", (ROOT / "config.toml").read_text(), flags=re.MULTILINE)
    (tmp_path / "config.toml").write_text(switched)
    given = load_settings(tmp_path / "config.toml")
    for section in ("store", "engine", "vault", "log"):
        assert getattr(given, section) == getattr(plain, section), section


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    verbs = next(action.choices for action in build_parser()._actions if isinstance(action.choices, dict))
    assert verbs
    for verb in verbs:
        assert f"tui-connector {verb}" in readme, verb


def test_what_is_kept_how_long_is_one_list() -> None:
    """Settings, the sample, the README and the erasing itself know the same classes."""
    readme, names = (ROOT / "README.md").read_text(), [one.setting for one in CLASSES]
    assert list(sections.RetentionSettings.model_fields) == names
    assert {one.kept for one in KINDS} - {None} == set(CLASSES)
    for one in CLASSES:
        assert f"| `{one.setting}` | {one.goes} | {one.stays} |" in readme


def test_every_module_says_what_lives_in_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, path
        assert len(path.read_text().splitlines()) <= 600, path


def test_nothing_committed_names_this_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    words = re.compile(
        "|".join(
            [
                r"(?<!\w)/" + "work/",
                r"(?<!\w)/" + "root/[.p]",
                "py" + r"pi\.org",
                "python" + "hosted",
                "npm" + "js",
                "/" + "home/[a-z]",
            ]
        )
    )
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".lock", ".svg", ""} and path.is_file():
            found = words.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{name}: {found}"
