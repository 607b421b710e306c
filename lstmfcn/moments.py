"""How are mean and standard deviation computed without losing digits?"""

import numpy as np

LARGEST_SQUARED = 1e150  # its square still fits float64, also summed over all timepoints


class RunningMoments:
    """Count, mean and sum of squared deviations of values that arrive in parts.

    Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979. It avoids cancellation if values are large and vary little.
    """

    count, mean, squares = 0, 0.0, 0.0

    def add(self, count, mean, squares):
        """Add the moments of one part."""
        total, delta = self.count + count, mean - self.mean
        self.squares = self.squares + squares + np.square(delta) * self.count * count / total
        self.mean = self.mean + delta * count / total
        self.count = total


def check_squares(largest, what="channel"):
    """Refuse values that are too large for a standard deviation in float64.

    `largest` holds the largest absolute values, (..., n_channels). `what` is the word for a column,
    such as "channel".
    """
    largest = np.asarray(largest, np.float64)
    is_unfit = (largest > LARGEST_SQUARED) | ((largest > 0) & (largest < 1 / LARGEST_SQUARED))
    if is_unfit.any():
        raise ValueError(
            f"{what} {np.argwhere(is_unfit)[0, -1]} has values of up to {largest[is_unfit][0]:.3g},"
            " whose standard deviation cannot be computed in float64; rescale it, or leave out "
            "values that stand for a missing one."
        )
