"""How does a saved classifier come back, with nothing from the file executed?"""

from lstmfcn import model_file
from lstmfcn.multimodal.restoring import fusion_from_members
from lstmfcn.restoring import classifier_from_members, ensemble_from_members
from lstmfcn.untrusted import MISFITS, damage, shown

LOADABLE = {
    model_file.CLASSIFIER: classifier_from_members,
    model_file.ENSEMBLE: ensemble_from_members,
    model_file.FUSION: fusion_from_members,
}
"""First member of a file to the function that builds a classifier from all its members."""


def load(path):
    """Read a classifier, an ensemble or a FusionClassifier, written by its ``save(path)``.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    fitted classifier
        Its probabilities equal those of the saved one.

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
        return LOADABLE[next(iter(members))](members)
    except MISFITS as error:
        raise ValueError(
            f"{shown(path)} does not describe a classifier of lstmfcn: {damage(error)}"
        ) from error
    except MemoryError as error:
        raise MemoryError(f"the memory does not suffice to load {shown(path)}.") from error
