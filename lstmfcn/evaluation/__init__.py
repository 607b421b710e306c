"""How good is a classifier, and compared with whom? Can its maps be trusted? (No Keras here.)"""

from lstmfcn.evaluation.faithfulness import (
    Faithfulness,
    faithfulness,
    mass_in_window,
    pointing_game,
    randomization_test,
)
from lstmfcn.evaluation.published import published_accuracy

__all__ = [
    "Faithfulness",
    "faithfulness",
    "mass_in_window",
    "pointing_game",
    "published_accuracy",
    "randomization_test",
]
