"""Which series train and which test, beyond the archive's own split?"""

import numpy as np

__all__ = ["stratified_resample"]


def stratified_resample(y_train, y_test, index):
    """Draw another split of a dataset, as large in each class as its own.

    Parameters
    ----------
    y_train : array-like of shape (n_train,)
    y_test : array-like of shape (n_test,)
        The labels of the archive's split.
    index : int
        0 is the archive's split itself; each other one is drawn anew, by this number alone.

    Returns
    -------
    train, test : int ndarrays of shape (n_train,) and (n_test,)
        Where the series are in the training split followed by the test split.

    Examples
    --------
    >>> from lstmfcn.evaluation import stratified_resample
    >>> train, test = stratified_resample(["a", "b", "b"], ["a", "b"], index=1)
    >>> len(train), sorted([*train, *test]) == [0, 1, 2, 3, 4]
    (3, True)
    """
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    if index < 0 or index != int(index):
        raise ValueError(f"resample={index!r} is not a whole number of at least 0.")
    if index == 0:
        return np.arange(len(y_train)), len(y_train) + np.arange(len(y_test))
    labels = np.concatenate([y_train, y_test])
    generator = np.random.RandomState(index)
    train, test = [], []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        n_train = int((y_train == label).sum())
        train.append(members[:n_train])
        test.append(members[n_train:])
    # Classes in blocks would be an order that some classifiers learn from.
    return tuple(generator.permutation(np.concatenate(part)) for part in (train, test))
