"""How good is a classifier, and compared with whom? (No Keras here.)"""

from lstmfcn.evaluation.published import published_accuracy

__all__ = ["published_accuracy"]
