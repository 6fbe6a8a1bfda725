import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: no test may reach for the network
if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and torch are: workers that share the cores, each with a thread
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _few_threads():
    torch.set_num_threads(min(2, torch.get_num_threads()))  # tiny tensors: more threads only cost time


@pytest.fixture
def call(capsys, monkeypatch):
    """Run a command in this process -> (exit code, standard output, standard error)."""

    from alignet_hf import cli

    def call(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["alignet-hf", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call
