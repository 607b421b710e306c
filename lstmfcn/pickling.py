"""How does a fitted network go through pickle and copy? As its weights; it is built again."""

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
        if weights is not None:
            model = self._build(self._architecture)
            model.set_weights(weights)
            self._adopt(model, self._architecture)
