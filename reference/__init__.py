"""Reference solutions, one package an assignment: the oracles that answers are compared with."""
