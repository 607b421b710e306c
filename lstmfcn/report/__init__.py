"""What does a sweep look like on one page? One HTML file that needs nothing else."""

from lstmfcn.report.page import write_report

__all__ = ["write_report"]
