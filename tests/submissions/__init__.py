"""Submissions of known worth, which the tests grade: right, wrong by one mistake, and odd."""
