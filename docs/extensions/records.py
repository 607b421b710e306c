"""How does a figure come onto a page? ``{record} NAME`` makes the table of a benchmark's record."""

import update_readme
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList


class Record(Directive):
    """Put a table of ``benchmarks/update_readme.py`` here, made from ``benchmarks/results``."""

    required_arguments = 1

    def run(self):
        """Return the nodes of the table's Markdown."""
        environment = self.state.document.settings.env
        for path in (update_readme.__file__, *update_readme.RESULTS.iterdir()):
            environment.note_dependency(str(path))
        lines = update_readme.TABLES[self.arguments[0]]().splitlines()
        from docutils import nodes

        container = nodes.container()
        self.state.nested_parse(StringList(lines, self.arguments[0]), 0, container)
        return container.children


def setup(app):
    """Register the directive."""
    app.add_directive("record", Record)
    return {"parallel_read_safe": True}
