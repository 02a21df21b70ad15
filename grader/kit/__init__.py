"""What grades elsewhere: a wheel of the grader, and what is built around it."""
