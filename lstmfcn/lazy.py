"""How are public names imported only at their first use? By PEP 562's ``__getattr__``."""

import importlib


def lazy_names(package, modules):
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    modules : dict of str to tuple of str
        Full name of a module -> public names in it. An empty tuple makes the module itself public.

    >>> find, _, public = lazy_names("lstmfcn", {"lstmfcn.networks.builders": ("build_fcn",)})
    >>> public, find("build_fcn").__name__
    (['build_fcn'], 'build_fcn')
    """
    home = {name: module for module, names in modules.items() for name in names}
    whole = {module.rpartition(".")[2]: module for module, names in modules.items() if not names}

    def __getattr__(name):
        if name in home:
            return getattr(importlib.import_module(home[name]), name)
        if name in whole:
            return importlib.import_module(whole[name])
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*vars(importlib.import_module(package)), *home})

    return __getattr__, __dir__, sorted(home)
