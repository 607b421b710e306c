"""Where is the page of an estimator? scikit-learn's display in a notebook links to it."""

import importlib.metadata
from functools import cache
from pathlib import Path


class LinkedToSite:
    """An estimator whose HTML display links to its page on the project's site.

    The names of the attributes are scikit-learn's. Without a site there is no link.
    """

    _doc_link_module = "lstmfcn"

    @property
    def _doc_link_template(self):
        return f"{site()}/api/generated/{{page}}.html" if site() else ""

    def _doc_link_url_param_generator(self):
        package = type(self).__module__.rpartition(".")[0]
        return {"page": f"{package}.{type(self).__name__}"}


@cache
def site():
    """Return the address of the site.

    Returns
    -------
    str
        The project's URL "Documentation" in the metadata of the installed package. Without it, the
        site that ``make docs`` has built in a clone, else an empty text.
    """
    try:
        urls = importlib.metadata.metadata("lstmfcn").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        urls = []
    for url in urls:
        name, _, address = url.partition(", ")
        if name == "Documentation":
            return address.rstrip("/")
    built = Path(__file__).resolve().parents[1] / "docs" / "_build" / "html"
    return built.as_uri() if (built / "index.html").is_file() else ""
