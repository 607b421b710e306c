"""How is a linear layer fitted to features, and how sure may it be? By ridge regression."""

import numpy as np
import scipy.special
from scipy.optimize import minimize_scalar
from sklearn.linear_model import RidgeCV

PENALTIES = np.logspace(-4, 1, 11)  # where the squares of a sample's features add up to 1
SCALES = (-3.0, 4.0)  # logarithms of the factors from regression to logits
SMALLEST_DEVIATION = 1e-6  # of a feature that counts
FLOOR = 0.1  # part of the median deviation that each feature has at least, when it is scaled


def fit_linear(features, labels, weights, n_classes, starts=()):
    """Fit a linear layer by ridge regression to centred features (n_samples, n_features).

    Each class is +1 or -1. Penalty and scale are those of the lowest cross-entropy when each
    series is left out in turn, which ridge regression tells in closed form. With one class, labels
    are numbers, and the penalty is that of the lowest squared error. ``starts`` are the places of
    features where another kind of them begins. Returns kernel, bias, scale of the logits and that
    loss.
    """
    unit, counts = _units(features, starts)
    features = np.where(counts, features / unit, 0.0)
    if n_classes == 1:
        regression, scale = RidgeCV(PENALTIES).fit(features, labels, weights), 1.0
        loss = -regression.best_score_ / np.mean(weights)
    else:
        regression, scale, loss = _fit_classes(features, labels, weights, n_classes)
    kernel = np.reshape(regression.coef_, (n_classes, -1)).T / unit[:, np.newaxis]
    return kernel, np.reshape(regression.intercept_, n_classes), scale, loss


def _units(features, starts):
    """Return what features are divided by, and whether they count at all.

    A feature that varies in few series is not blown up to the deviation of the others: it may vary
    far more in new series.
    """
    deviation, parts = features.std(axis=0), []
    counts = deviation > SMALLEST_DEVIATION
    for found in np.split(np.where(counts, deviation, np.nan), starts):
        typical = 0.0 if np.isnan(found).all() else np.nanmedian(found)
        parts.append(np.hypot(found, FLOOR * typical))
    unit = np.where(counts, np.concatenate(parts), 1.0)
    return unit * np.sqrt(max(1, counts.sum())), counts


def _fit_classes(features, labels, weights, n_classes):
    truth, found = _platt_targets(labels, n_classes), []

    def score(_, left_out, *__, **___):
        best = minimize_scalar(
            lambda log_scale: _cross_entropy(np.exp(log_scale) * left_out, truth, weights),
            bounds=SCALES,
            method="bounded",
        )
        found.append((best.fun, np.exp(best.x)))
        return -best.fun

    regression = RidgeCV(PENALTIES, scoring=score)
    regression.fit(features, 2.0 * np.eye(n_classes)[labels] - 1.0, weights)
    loss, scale = min(found, key=lambda of_one: of_one[0])
    return regression, scale, loss


def _platt_targets(labels, n_classes):
    """Return probabilities to learn from: a few series without an error are no proof.

    The class of a series, one of n, is sure by (n + 1) / (n + 2) only (Platt, "Probabilistic
    Outputs for Support Vector Machines", 1999, section 2.2).
    """
    truth = np.eye(n_classes)[labels]
    doubt = 1.0 / (np.bincount(labels, minlength=n_classes)[labels, np.newaxis] + 2.0)
    return truth + doubt * ((1.0 - truth) / (n_classes - 1) - truth)


def linear_loss(outputs, labels, weights):
    """Return the loss by which a layer with these outputs is fitted."""
    n_classes = outputs.shape[1]
    if n_classes == 1:
        return np.average((outputs[:, 0] - labels) ** 2, weights=weights)
    return _cross_entropy(outputs, _platt_targets(labels, n_classes), weights)


def _cross_entropy(logits, truth, weights):
    losses = -(truth * scipy.special.log_softmax(logits, axis=1)).sum(axis=1)
    return np.average(losses, weights=weights)
