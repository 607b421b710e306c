"""How does a saved classifier come back, with nothing from the file executed?"""

from lstmfcn import model_file
from lstmfcn.meta.restoring import linear_from_members, meta_from_members
from lstmfcn.multimodal.restoring import attention_from_members, fusion_from_members
from lstmfcn.restoring import (
    classifier_from_members,
    ensemble_from_members,
    regressor_from_members,
)
from lstmfcn.untrusted import MISFITS, damage, shown

LOADABLE = {
    model_file.CLASSIFIER: classifier_from_members,
    model_file.REGRESSOR: regressor_from_members,
    model_file.ENSEMBLE: ensemble_from_members,
    model_file.FUSION: fusion_from_members,
    model_file.ATTENTION: attention_from_members,
    model_file.LINEAR: linear_from_members,
    model_file.META: lambda members: meta_from_members(members, from_members),
}
"""First member of a file to the function that builds an estimator from all its members."""


def from_members(members):
    """Return the estimator of a file's members, or of those in one of its folders."""
    first = next(iter(members))
    if first == model_file.EMOTION:
        raise ValueError("it is a model of emotions; read it by lstmfcn.emotion.load_model")
    if first not in LOADABLE:
        raise ValueError(f"it begins with {first!r}, which is no estimator")
    return LOADABLE[first](members)


def load(path):
    """Read a fitted estimator from a file written by its ``save(path)``.

    It may be a classifier, a regressor, an ensemble, a FusionClassifier, an
    AttentionFusionClassifier, a LinearBaseline, or a meta-estimator: an AugmentedClassifier, a
    PseudoLabelClassifier or a FoldEnsemble.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    fitted estimator
        Its answers equal those of the saved one.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is not such a file, is damaged, or holds anything else. Nothing in it is
        executed or unpickled.

    See Also
    --------
    lstmfcn.LSTMFCNClassifier.save : Writes such a file.

    Examples
    --------
    >>> import tempfile, os
    >>> import lstmfcn
    >>> from lstmfcn.datasets import load_ucr
    >>> X, y, *_ = load_ucr("ItalyPowerDemand")
    >>> clf = lstmfcn.FCNClassifier(n_epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(os.path.join(folder, "model.lstmfcn"))
    ...     again = lstmfcn.load(os.path.join(folder, "model.lstmfcn"))
    >>> bool((again.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    members = model_file.read(path)
    try:
        return from_members(members)
    except MISFITS as error:
        raise ValueError(
            f"{shown(path)} does not describe a classifier of lstmfcn: {damage(error)}"
        ) from error
    except MemoryError as error:
        raise MemoryError(f"the memory does not suffice to load {shown(path)}.") from error
