"""An action after an import: once for each execution of the module, at once where it has been executed."""

import importlib
import sys

import pytest

from alignet_hf import after_import as hook
from alignet_hf.after_import import after_import


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A module that is not imported yet -> what is called after its imports notes its value here."""
    (tmp_path / "watched_module.py").write_text("value = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(hook._WATCH, "actions", dict(hook._WATCH.actions))
    yield []
    sys.modules.pop("watched_module", None)


def test_the_action_follows_the_import_and_sees_the_whole_module(watched):
    after_import("watched_module", lambda: watched.append(sys.modules["watched_module"].value))
    assert importlib.util.find_spec("watched_module") is not None  # to look is not to import
    assert watched == []
    module = importlib.import_module("watched_module")
    importlib.import_module("watched_module")
    assert watched == [1]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    importlib.reload(module)
    assert watched == [1, 1]


def test_what_has_been_imported_is_acted_upon_at_once(watched):
    importlib.import_module("watched_module")
    after_import("watched_module", lambda: watched.append("at once"))
    assert watched == ["at once"]


def test_a_module_that_is_not_there_is_missing_as_ever(watched):
    after_import("no_such_module_anywhere", lambda: watched.append("never"))
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        importlib.import_module("no_such_module_anywhere")
    assert watched == []
