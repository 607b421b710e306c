"""How does ``fit`` change an estimator completely or not at all, even while threads predict?"""

import contextlib
import functools

import numpy as np


@contextlib.contextmanager
def changed_at_once(estimator):
    """Give a shallow copy to work on; at the end, the estimator takes over the copy's attributes.

    Other threads that predict meanwhile see the estimator before or after the change, never in
    between; their methods are decorated with :func:`of_one_fit`. What they set by ``set_params``
    stays. If the body raises, also on Ctrl-C, the estimator stays as it was. So does a generator in
    its ``random_state`` or, if that is None, in the ``random_state`` of its ``estimator``.
    """
    generator = estimator.random_state
    if generator is None:  # an ensemble then draws its seeds from that of its estimator
        generator = getattr(getattr(estimator, "estimator", None), "random_state", None)
    drawn_from = isinstance(generator, np.random.RandomState)
    numbers = generator.get_state() if drawn_from else None
    before = dict(vars(estimator))
    changed = _twin(estimator, dict(before))
    try:
        yield changed
    except BaseException:
        if drawn_from:
            generator.set_state(numbers)
        raise
    meanwhile = {
        name: value
        for name, value in dict(vars(estimator)).items()
        if not name.startswith("_")
        and not name.endswith("_")
        and (name not in before or before[name] is not value)
    }
    estimator.__dict__ = {**vars(changed), **meanwhile}


def of_one_fit(method):
    """Let a method see a single fit, even if another thread fits the estimator meanwhile.

    The method reads fitted attributes and changes none.
    """

    @functools.wraps(method)
    def of_this_fit(self, *args, **kwargs):
        return method(_twin(self, vars(self)), *args, **kwargs)

    return of_this_fit


def _twin(estimator, attributes):
    twin = object.__new__(type(estimator))
    twin.__dict__ = attributes
    return twin
