"""An autograder and test harness for PyTorch and NumPy homework.

This package module stays empty on purpose: the process that runs student code imports
`grader.sandbox` and must not load an oracle, a rubric or a verdict with it.
"""

__version__ = "0.1.0"
