"""Reference solution of the small assignment on linear regression."""
