"""One step of training of an MLP object, with the attributes that `train` sets."""


def step(model, batch, batch_y, lr):
    model.lr, model.batch_size = lr, len(batch)
    model._MLP__init_layers(len(batch))
    model._MLP__feed_forward(batch)
    model._MLP__back_prop(batch_y)
    return list(model.weights)


def forward(model, batch):
    model._MLP__init_layers(len(batch))
    model._MLP__feed_forward(batch)
    return model._MLP__out, list(model._MLP__h)
