"""How do recordings, transcripts and pictures become feature sequences, one file for each clip?"""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.extraction.acoustic": ("log_mel",),
        "lstmfcn.extraction.extracting": ("Extraction", "extract"),
        "lstmfcn.extraction.noise": ("add_noise",),
        "lstmfcn.extraction.sources": ("Recording", "find_recordings", "recordings_of"),
        "lstmfcn.extraction.waveforms": ("read_waveform",),
    },
)
