"""In which order does the gallery show the examples? From data to maps, scores and services."""

NAMES = (
    "own_arrays own_csv unequal_lengths own_recording class_weights history "
    "grid_search features calibration ensemble fine_tune "
    "attention activation_maps decision channels context filters confusion faithfulness "
    "sweep published sktime serve_stream robustness zero_shot_text zero_shot_comparison"
).split()
POSITION = {f"plot_{name}.py": i for i, name in enumerate(NAMES)}


class Order:
    """A key for sorting the names of example files; one that is not listed is an error."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return the place of an example."""
        return POSITION[name]
