"""What does an estimator learn of y: which class, or which number?

A task turns ``y`` into targets for the training, and keeps what it knows of them in the estimator.
"""

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight

from lstmfcn import model_file, validation
from lstmfcn.preprocessing import without_weightless

ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of the largest target: less is no spread


def _of_mean_one(weights):
    """Return weights whose mean is 1: only their ratios tell something."""
    return (weights / weights.mean(dtype=np.float64)).astype(np.float32)


class Classification:
    """Targets are indices into ``classes_``, int32 of shape (n_samples,)."""

    member = model_file.CLASSIFIER

    def n_outputs(self, classifier):
        """Return how many logits the network has."""
        return len(classifier.classes_)

    def learn(self, classifier, y, n_samples):
        """Learn the classes of ``y``; return the targets."""
        name = type(classifier).__name__
        y = validation.check_labels(y, n_samples, name)
        encoder = LabelEncoder().fit(y)
        classifier.classes_ = encoder.classes_
        validation.check_classes(classifier.classes_, name, n_samples)
        return encoder.transform(y).astype(np.int32)

    def known(self, classifier, y, n_samples, *remedy):
        """Return targets; refuse classes that ``fit`` has not seen."""
        name = type(classifier).__name__
        y = validation.check_labels(y, n_samples, name)
        return validation.encode_labels(y, classifier.classes_, name, *remedy)

    def strata(self, classifier, labels, fraction):
        """Return what a split keeps the parts of, or refuse to hold out this fraction."""
        validation.check_split(labels, fraction, self.n_outputs(classifier))
        return labels

    def prepare(self, classifier, data, held_out, *, anew):
        """Multiply sample weights by class weights, to a mean of 1; leave out what weighs nothing.

        ``data`` are series, targets and weights, ``held_out`` series and targets, or None. Returns
        both. ``anew``: nothing was learned before.
        """
        series, labels, weights = data
        if classifier.class_weight is not None:
            by_class = np.ones(len(classifier.classes_), np.float32)
            if classifier.class_weight == "balanced":
                present = np.unique(labels)
                by_class[present] = compute_class_weight("balanced", classes=present, y=labels)
            else:
                by_class[:] = validation.check_class_weight(
                    classifier.class_weight, classifier.classes_
                )
            series, labels, weights = without_weightless(series, labels, weights * by_class[labels])
        fewest = 2 if anew else 1
        if len(np.unique(labels)) < fewest:
            raise ValueError(
                "sample_weight and class_weight leave too few classes with positive weight; "
                f"{type(classifier).__name__} needs at least {fewest} here."
            )
        return (series, labels, _of_mean_one(weights)), held_out

    def to_json(self, classifier):
        """Return what a file holds of the task."""
        return {"classes": model_file.classes_to_json(classifier.classes_)}

    def from_json(self, classifier, content):
        """Give a classifier the classes of its file."""
        classifier.classes_ = model_file.classes_from_json(content["classes"])


class Regression:
    """Targets are numbers, less ``target_mean_`` and divided by ``target_scale_``, in float32."""

    member = model_file.REGRESSOR

    def n_outputs(self, regressor):
        """Return how many numbers the network tells."""
        return 1

    def learn(self, regressor, y, n_samples):
        """Return targets as they are, float64 of shape (n_samples,)."""
        return validation.check_numbers(y, n_samples, type(regressor).__name__)

    def known(self, regressor, y, n_samples, *remedy):
        """Return targets, as :meth:`learn`."""
        return self.learn(regressor, y, n_samples)

    def strata(self, regressor, numbers, fraction):
        """Refuse to hold out so large a fraction that too few are left."""
        validation.check_split_of_numbers(len(numbers), fraction)

    def prepare(self, regressor, data, held_out, *, anew):
        """Standardise targets; ``anew``: by mean and standard deviation of these in ``data``."""
        series, numbers, weights = data
        if anew:
            if len(numbers) < 2:
                raise ValueError(
                    f"there is 1 sample of positive weight; {type(regressor).__name__} needs at "
                    "least 2 to learn from."
                )
            mean = np.average(numbers, weights=weights)
            scale = np.sqrt(np.average((numbers - mean) ** 2, weights=weights))
            if np.ptp(numbers) <= ROUNDING * np.abs(numbers).max():
                scale = 0.0
            regressor.target_mean_, regressor.target_scale_ = float(mean), float(scale or 1.0)
        if held_out is not None:
            held_out = held_out[0], self._standardised(regressor, held_out[1])
        targets = self._standardised(regressor, numbers)
        return (series, targets, _of_mean_one(weights)), held_out

    def _standardised(self, regressor, numbers):
        return ((numbers - regressor.target_mean_) / regressor.target_scale_).astype(np.float32)

    def to_json(self, regressor):
        """Return what a file holds of the task."""
        return {"target": {"mean": regressor.target_mean_, "scale": regressor.target_scale_}}

    def from_json(self, regressor, content):
        """Give a regressor the units of its file; refuse what ``fit`` does not leave behind."""
        mean, scale = (content["target"][key] for key in ("mean", "scale"))
        most = validation.LARGEST_TARGET
        are_floats = type(mean) is type(scale) is float
        if not are_floats or not abs(mean) <= most or not 0 < scale <= most:
            raise ValueError(f"targets of mean {mean!r} and scale {scale!r} are not possible")
        regressor.target_mean_, regressor.target_scale_ = mean, scale
