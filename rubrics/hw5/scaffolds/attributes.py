"""Sets attributes, which an expression over the wire cannot."""

def put(thing, **values):
    for name, value in values.items():
        setattr(thing, name, value)
