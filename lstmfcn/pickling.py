"""How does a fitted network go through pickle and copy? As its weights; it is built again."""

from lstmfcn.backend import check_usable

__all__ = ["NetworkPickling"]


class NetworkPickling:
    """State of an estimator whose Keras network is rebuilt from what it was built from.

    It stands before scikit-learn's ``BaseEstimator``. The estimator has the fitted ``model_`` and
    ``_architecture``, ``_build(architecture)``, which makes such a network anew, and
    ``_adopt(model, architecture)``, which takes one over with ``_forwards``, what predicts with it.
    """

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "model_" in state:
            del state["_forwards"]
            state["_weights"] = state.pop("model_").get_weights()
        return state

    def __setstate__(self, state):
        state = dict(state)
        weights = state.pop("_weights", None)
        super().__setstate__(state)
        if weights is None:
            return
        try:
            check_usable()
        except RuntimeError:  # a pool would lose the task, and its caller wait for ever
            self.model_ = self._forwards = _Unusable(weights)
            return
        model = self._build(self._architecture)
        model.set_weights(weights)
        self._adopt(model, self._architecture)


class _Unusable:
    """A network in a process that cannot compute: it says so when it is asked."""

    def __init__(self, weights):
        self._weights = weights

    def get_weights(self):
        return self._weights

    def __call__(self, *args, **kwargs):
        check_usable()

    def __getattr__(self, name):
        if not name.startswith("__"):
            check_usable()
        raise AttributeError(name)
