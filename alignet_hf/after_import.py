"""Do something as soon as a module has been imported, without importing it: for what only its users need."""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder


def after_import(name: str, action: Callable[[], None]) -> None:
    """Call `action` each time the module `name` has been executed; now, if it has been already."""
    _WATCH.actions[name] = action
    if name in sys.modules:
        import_module(name)  # waits for a thread that is still at it
        action()


class _Watch(MetaPathFinder):
    """Finds no module itself: it adds an action to what the finders behind it find."""

    def __init__(self):
        self.actions: dict[str, Callable[[], None]] = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.actions:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                spec.loader = _Loader(spec.loader, self.actions[fullname])
                return spec
        return None


class _Loader(Loader):
    def __init__(self, loader: Loader, action: Callable[[], None]):
        self.loader, self.action = loader, action

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader  # whoever asks for source or data finds the real one
        self.loader.exec_module(module)
        self.action()


_WATCH = _Watch()
sys.meta_path.insert(0, _WATCH)
