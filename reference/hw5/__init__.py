"""The reference solution of homework 5, one module a problem, and how far rounding may move it."""
