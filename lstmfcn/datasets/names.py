"""What is a UCR dataset called in the 2018 archive, whatever a paper calls it?"""

import difflib
import re

from lstmfcn.datasets.parsing import short

# The folder names of UCRArchive_2018 (Dau et al., 2019). The archive's summary table spells three
# of them differently (CinCECGtorso, StarlightCurves, MixedShapes); they resolve like any old name.
UCR_2018_NAMES = tuple(
    """
    ACSF1 Adiac AllGestureWiimoteX AllGestureWiimoteY AllGestureWiimoteZ ArrowHead BME Beef
    BeetleFly BirdChicken CBF Car Chinatown ChlorineConcentration CinCECGTorso Coffee Computers
    CricketX CricketY CricketZ Crop DiatomSizeReduction DistalPhalanxOutlineAgeGroup
    DistalPhalanxOutlineCorrect DistalPhalanxTW DodgerLoopDay DodgerLoopGame DodgerLoopWeekend
    ECG200 ECG5000 ECGFiveDays EOGHorizontalSignal EOGVerticalSignal Earthquakes ElectricDevices
    EthanolLevel FaceAll FaceFour FacesUCR FiftyWords Fish FordA FordB FreezerRegularTrain
    FreezerSmallTrain Fungi GestureMidAirD1 GestureMidAirD2 GestureMidAirD3 GesturePebbleZ1
    GesturePebbleZ2 GunPoint GunPointAgeSpan GunPointMaleVersusFemale GunPointOldVersusYoung Ham
    HandOutlines Haptics Herring HouseTwenty InlineSkate InsectEPGRegularTrain
    InsectEPGSmallTrain InsectWingbeatSound ItalyPowerDemand LargeKitchenAppliances Lightning2
    Lightning7 Mallat Meat MedicalImages MelbournePedestrian MiddlePhalanxOutlineAgeGroup
    MiddlePhalanxOutlineCorrect MiddlePhalanxTW MixedShapesRegularTrain MixedShapesSmallTrain
    MoteStrain NonInvasiveFetalECGThorax1 NonInvasiveFetalECGThorax2 OSULeaf OliveOil PLAID
    PhalangesOutlinesCorrect Phoneme PickupGestureWiimoteZ PigAirwayPressure PigArtPressure
    PigCVP Plane PowerCons ProximalPhalanxOutlineAgeGroup ProximalPhalanxOutlineCorrect
    ProximalPhalanxTW RefrigerationDevices Rock ScreenType SemgHandGenderCh2 SemgHandMovementCh2
    SemgHandSubjectCh2 ShakeGestureWiimoteZ ShapeletSim ShapesAll SmallKitchenAppliances
    SmoothSubspace SonyAIBORobotSurface1 SonyAIBORobotSurface2 StarLightCurves Strawberry
    SwedishLeaf Symbols SyntheticControl ToeSegmentation1 ToeSegmentation2 Trace TwoLeadECG
    TwoPatterns UMD UWaveGestureLibraryAll UWaveGestureLibraryX UWaveGestureLibraryY
    UWaveGestureLibraryZ Wafer Wine WordSynonyms Worms WormsTwoClass Yoga
    """.split()
)

# Names of the 2015 archive and of papers that differ by more than case and punctuation.
_OLD_NAMES = {
    "50words": "FiftyWords",
    "faceucr": "FacesUCR",
    "italypower": "ItalyPowerDemand",
    "lighting2": "Lightning2",
    "lighting7": "Lightning7",
    "mixedshapes": "MixedShapesRegularTrain",
    "noninvasivefatalecgthorax1": "NonInvasiveFetalECGThorax1",
    "noninvasivefatalecgthorax2": "NonInvasiveFetalECGThorax2",
    "sonyaiborobotsurface": "SonyAIBORobotSurface1",
    "sonyaiborobotsurfacei": "SonyAIBORobotSurface1",
    "sonyaiborobotsurfaceii": "SonyAIBORobotSurface2",
    "uwavegestureall": "UWaveGestureLibraryAll",
    "uwavegesturex": "UWaveGestureLibraryX",
    "uwavegesturey": "UWaveGestureLibraryY",
    "uwavegesturez": "UWaveGestureLibraryZ",
    "wordssynonyms": "WordSynonyms",
}


def name_key(name):
    """Return the name in lower case with everything but letters and digits removed."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_BY_KEY = {name_key(name): name for name in UCR_2018_NAMES} | _OLD_NAMES


def canonical_name(name):
    """Return the 2018 name of a UCR dataset.

    Case, spaces, underscores, hyphens and brackets do not matter, and the names of the 2015
    archive and of papers are known, so tables of published results can be joined on the result.

    Parameters
    ----------
    name : str
        A name as an archive or a paper prints it, such as "Gun_Point" or "Face (all)".

    Returns
    -------
    str
        The folder name in UCRArchive_2018.

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If no dataset of the 2018 archive goes by that name; the sentence has the nearest ones.

    References
    ----------
    H. A. Dau et al., "The UCR Time Series Archive", 2019, arXiv:1810.07758.

    Examples
    --------
    >>> from lstmfcn.datasets import canonical_name
    >>> canonical_name("synthetic_control"), canonical_name("SonyAIBORobot SurfaceII")
    ('SyntheticControl', 'SonyAIBORobotSurface2')
    >>> canonical_name("Adiak")
    Traceback (most recent call last):
        ...
    ValueError: 'Adiak' is not a dataset of the UCR 2018 archive; the nearest name is Adiac.
    """
    check_name(name)
    try:
        return _BY_KEY[name_key(name)]
    except KeyError:
        raise ValueError(
            f"{short(name)} is not a dataset of the UCR 2018 archive; "
            f"{nearest(name, UCR_2018_NAMES)}."
        ) from None


def check_name(name):
    """Raise TypeError unless `name` is a string."""
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a dataset's name, such as 'GunPoint', but it is {type(name).__name__}; "
            "pass a string."
        )


def nearest(name, names):
    """Return half a sentence with the up to three of `names` that look most like `name`."""
    by_key = {name_key(candidate): candidate for candidate in names}
    found = [by_key[key] for key in difflib.get_close_matches(name_key(name), by_key, n=3)]
    if not found:
        return "no name there is near it"
    if len(found) == 1:
        return f"the nearest name is {found[0]}"
    return f"the nearest names are {', '.join(found[:-1])} and {found[-1]}"
