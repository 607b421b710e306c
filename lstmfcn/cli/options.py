"""How do the parameters of a constructor become options of a command?"""

import argparse
import inspect
import re
from numbers import Integral

from lstmfcn.cli.arguments import OPTIONS, cut

DEFAULT = "default"  # the value of an option that was not given
OTHERWISE = ("callbacks", "checkpoint", "estimator", "random_state", "variants", "verbose")


def add_parameters(parser, *classes, **defaults):
    """Give a parser one option for each parameter that at least one of the classes has.

    ``defaults`` replace the defaults of the constructors.
    """
    group = parser.add_argument_group(
        "parameters", "as in Python; `default` means the model's own default"
    )
    for name, cls in _parameters(*classes).items():
        constraints = cls._parameter_constraints[name]
        default = defaults.get(name, inspect.signature(cls).parameters[name].default)
        group.add_argument(
            f"--{_shell_name(name).replace('_', '-')}",
            type=reader(constraints),
            default=DEFAULT,
            metavar=_metavar(constraints),
            help=f"{_told(cls, name)}; default: {_shown(default)}".replace("%", "%%"),
        )


def given_parameters(arguments, own, known):
    """Return the parameters that were given, for each class of ``own``.

    A parameter goes to the first of these classes that has it. A parameter that only classes of
    ``known`` have is refused.
    """
    of_class = {cls: {} for cls in own}
    for name in _parameters(*own, *known):
        value = getattr(arguments, _shell_name(name))
        if isinstance(value, str) and value == DEFAULT:
            continue
        cls = next((cls for cls in own if name in _parameters(cls)), None)
        if cls is None:
            option = _shell_name(name).replace("_", "-")
            raise ValueError(f"--{option} does not apply to the model {arguments.model}.")
        of_class[cls][name] = value
    return [of_class[cls] for cls in own]


def reader(constraints):
    """Return a function that reads a value that constraints in scikit-learn's style allow.

    >>> from lstmfcn.validation import Interval, StrOptions
    >>> read = reader([Interval(Integral, 1, 9, closed="both"), StrOptions({"auto"}), None, tuple])
    >>> read("3"), read("auto"), read("none"), read("8,5,3")
    (3, 'auto', None, (8, 5, 3))
    """
    words, intervals, kinds = _sorted(constraints)

    def read(text):
        if text == DEFAULT or text in words:
            return words.get(text, text)
        for interval in intervals:
            number = _number(text, interval.type)
            if number is not None and number in interval:
                return number
        if Integral in kinds and _number(text, Integral) is not None:
            return int(text)
        if dict in kinds and "=" in text:
            return _weights(text)
        if kinds & {"array-like", tuple, list} and text:
            entries = [entry.strip() for entry in text.split(",")]
            numbers = [_number(entry, Integral) for entry in entries]
            return tuple(entries if None in numbers else numbers)
        raise argparse.ArgumentTypeError(f"{cut(text)!r} is not {_expected(constraints)}")

    return read


def _sorted(constraints):
    """Return a dict of words to values, the intervals, and all further kinds of value."""
    words, intervals, kinds = {}, [], set()
    for one in constraints:
        if one is None:
            words["none"] = None
        elif isinstance(one, str) and one == "boolean":
            words |= {"true": True, "false": False}
        elif hasattr(one, "options"):
            words |= {word: word for word in one.options}
        elif hasattr(one, "closed"):
            intervals.append(one)
        else:
            kinds.add(one)
    return words, intervals, kinds


def _expected(constraints):
    words, intervals, kinds = _sorted(constraints)
    found = sorted(words)
    found += [
        f"a {'whole ' * (one.type is Integral)}number in {_brackets(one)}" for one in intervals
    ]
    found += ["a whole number"] * (Integral in kinds)
    found += ["label=factor,..."] * (dict in kinds)
    found += ["values with commas"] * bool(kinds & {"array-like", tuple, list})
    return " or ".join(found)


def _brackets(interval):
    """Return an interval in mathematical notation."""
    left = "[" if interval.closed in ("left", "both") else "("
    right = "]" if interval.closed in ("right", "both") else ")"
    return f"{left}{interval.left}, {interval.right}{right}"


def _metavar(constraints):
    words, intervals, kinds = _sorted(constraints)
    names = sorted(words) + [f"{'N' if one.type is Integral else 'NUMBER'}" for one in intervals]
    names += ["N"] * (Integral in kinds) + ["LABEL=FACTOR,..."] * (dict in kinds)
    names += ["A,B,..."] * bool(kinds & {"array-like", tuple, list})
    return "|".join(names)


def _number(text, kind):
    """Return a number of a kind, or None."""
    whole, any_number = r"-?[0-9]{1,10}", r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e-?[0-9]+)?"
    if not re.fullmatch(whole if kind is Integral else any_number, text):
        return None
    return int(text) if kind is Integral else float(text)


def _weights(text):
    """Return the factor of each label in "walk=1,run=2.5"."""
    found = {}
    for entry in text.split(","):
        label, _, factor = entry.rpartition("=")
        number = _number(factor, float)
        if not label or number is None:
            raise argparse.ArgumentTypeError(f"{cut(entry)!r} is not label=factor")
        found[label] = number
    return found


def _parameters(*classes):
    """Return a dict of each parameter that is an option to the first class that has it."""
    found = {}
    for cls in classes:
        for name in inspect.signature(cls).parameters:
            if name not in OTHERWISE:
                found.setdefault(name, cls)
    return found


def _shell_name(name):
    return OPTIONS.get(name, name)


def _told(cls, name):
    """Return the first sentence about a parameter in a class's docstring."""
    match = re.search(rf"^    {name} : .*\n((?:        .*\n|\n)+)", cls.__doc__ or "", re.MULTILINE)
    if match is None:
        return f"{name} of {cls.__name__}"
    text = " ".join(match[1].replace("`", "").split())
    return re.split(r"(?<=[a-z)])\. (?=[A-Z\"])|\.$", text)[0]


def _shown(default):
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if default is None or isinstance(default, bool) else default
