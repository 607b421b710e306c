"""How does an estimator change wholly or not at all, also while other threads ask it?"""

import contextlib
import functools

import numpy as np


@contextlib.contextmanager
def changed_at_once(estimator):
    """Give a copy to work on; at the end, and only then, the estimator becomes what the copy is.

    Other threads that predict meanwhile see the estimator before or after, never between
    (:func:`of_one_fit` is the readers' side); what they set by ``set_params`` stays. If the body
    raises, also on Ctrl-C, the estimator stays as it was, and so does a generator that it has as
    ``random_state``. The copy is shallow.
    """
    generator = estimator.random_state
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
    """Let a method see one fit of its estimator, although another thread may fit it meanwhile.

    The method reads fitted attributes, and changes none.
    """

    @functools.wraps(method)
    def of_this_fit(self, *args, **kwargs):
        return method(_twin(self, vars(self)), *args, **kwargs)

    return of_this_fit


def _twin(estimator, attributes):
    twin = object.__new__(type(estimator))
    twin.__dict__ = attributes
    return twin
