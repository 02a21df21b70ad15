# %% 1
## Problem 1
import torch

## part (a)
# double brackets: a column is a matrix with one entry in each row
v1 = torch.tensor([[1], [2]])
v2 = torch.tensor([[-2], [-1]])
A = torch.tensor([[1, -1], [0, 1]])
# v1 and v2 side by side
V = torch.cat((v1, v2), dim=1)

## part (b)
hadamard_AV = A * V

## part (c)
Matrix_AV = torch.matmul(A, V)

## part (d)
# add up the squared differences
difference = v1 - v2
square_l2_v = (difference * difference).sum()

## part (e): the vectors again, with requires_grad=True, then y and its backward pass
# gradients need floating point numbers
v1 = torch.tensor([[1.0], [2.0]], requires_grad=True)
v2 = torch.tensor([[-2.0], [-1.0]], requires_grad=True)
y = ((v1 - v2) ** 2).sum()
torch.autograd.backward(y)

#-----Don't change anything below-----
if any(value is None for value in (v1, v2, A, V, hadamard_AV, Matrix_AV, square_l2_v, y)):
    print("1 is not answered yet")
else:
    for name, value in {"v1": v1, "v2": v2, "A": A, "V": V}.items():
        print(f"{name}:\n{value}")
    print(f"\nHadamard product of A and V:\n{hadamard_AV}")
    print(f"\nMatrix product of A and V:\n{Matrix_AV}")
    square = torch.norm((v1 - v2).float(), 2) ** 2
    print(f"\nSquared L2 norm by torch.norm: {square:4f} | by your code: {float(square_l2_v):4f}")
    print(f"\nGradient w.r.t. v1 by autograd:\n{v1.grad}")
    print(f"Gradient w.r.t. v1 by hand:\n{2 * (v1 - v2)}")
    print(f"\nGradient w.r.t. v2 by autograd:\n{v2.grad}")
    print(f"Gradient w.r.t. v2 by hand:\n{-2 * (v1 - v2)}")

# %% 2a
## Problem 2 (a)
# w0*x0 and w1*x1 are added to w2; the sum is negated, exponentiated, and turned into 1/(1 + .)
nodes = [
    Vert("w0", ["mul1"]), Vert("x0", ["mul1"]), Vert("mul1", ["z1"]), Vert("z1", ["add1"]),
    Vert("w1", ["mul2"]), Vert("x1", ["mul2"]), Vert("mul2", ["z2"]), Vert("z2", ["add1"]),
    Vert("add1", ["z3"]), Vert("z3", ["add2"]), Vert("w2", ["add2"]), Vert("add2", ["z4"]),
    Vert("z4", ["neg"]), Vert("neg", ["z5"]), Vert("z5", ["exp"]), Vert("exp", ["z6"]),
    Vert("z6", ["add3"]), Vert("1", ["add3"]), Vert("add3", ["z7"]),
    Vert("z7", ["inv"]), Vert("inv", ["f"]), Vert("f", []),
]  # fmt: skip
places = ["w0 mul1 z1 add1 z3 add2 z4 neg z5 exp z6 add3 z7 inv f".split(),
          "x0 mul2 z2 1".split(), "w1 w2".split(), ["x1"]]
positions = {name: (10 * column, -10 * row)
             for row, names in enumerate(places) for column, name in enumerate(names)}
labels = {"mul1": "*", "mul2": "*", "add1": "+", "add2": "+", "add3": "+",
          "neg": "*(-1)", "exp": "exp", "inv": "1/x"}

G = build_graph(nodes)
draw_graph(G, positions, labels)

# %% 2b
## Problem 2 (b)
w1, x1 = 0.1, 0.3
w2, x2 = -0.2, 0.4
f_star = 1.0

# forward pass
import math

z1, z2 = w1 * x1, w2 * x2
z3 = z1 + z2
z4 = -z3
f = math.exp(z4)
e = f - f_star

nodes = [
    Vert("w1", ["mul1"]), Vert("x1", ["mul1"]), Vert("mul1", ["z1"]), Vert("z1", ["add"]),
    Vert("w2", ["mul2"]), Vert("x2", ["mul2"]), Vert("mul2", ["z2"]), Vert("z2", ["add"]),
    Vert("add", ["z3"]), Vert("z3", ["neg"]), Vert("neg", ["z4"]), Vert("z4", ["exp"]),
    Vert("exp", ["f"]), Vert("f", ["sub"]), Vert("f*", ["sub"]), Vert("sub", ["e"]),
    Vert("e", []),
]  # fmt: skip
order = [vertex.name for vertex in nodes]
positions = {name: (10 * (at // 4), -10 * (at % 4)) for at, name in enumerate(order)}
labels = {"mul1": "*", "mul2": "*", "add": "+", "neg": "-", "exp": "exp", "sub": "-"}

G = build_graph(nodes)
draw_graph(G, positions, labels)
print(f"f = {f:.4f}, e = {e:.4f}")

# %% 2c-text [markdown]
# **(i)** $\frac{\partial e}{\partial f} = 1$, since $e = f - f^*$.
#
# **(ii)** $\frac{\partial e}{\partial w_1} = \frac{\partial e}{\partial f} \cdot \frac{\partial f}{\partial w_1} = 1 \cdot (-x_1 f) = -0.3 \cdot 1.0513 = -0.3154$
#
# **(iii)** $\frac{\partial e}{\partial w_2} = -x_2 f = -0.4 \cdot 1.0513 = -0.4205$

# %% 2d
import torch

w1 = torch.tensor([0.1], requires_grad=True)
x1 = torch.tensor([0.3])

w2 = torch.tensor([-0.2], requires_grad=True)
x2 = torch.tensor([0.4])

f_star = torch.tensor([1.0])
#-----Don't change anything above-----#

# the forward pass of part (b), now with tensors
f = torch.exp(-(w1 * x1 + w2 * x2))
e = f - f_star
e.backward()

dedw1 = w1.grad
dedw2 = w2.grad

#-----Don't change anything below-----
if dedw1 is None or dedw2 is None:
    print("2d is not answered yet")
else:
    print(f"de/dw1:\n{dedw1}")
    print(f"de/dw2:\n{dedw2}")

# %% 3a
## Problem 3 (a)
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
import numpy as np
import matplotlib.pyplot as plt
from torch.utils.data import Dataset, DataLoader
import torch
import torch.nn as nn

# the data matrix and the labels
digits = load_digits()
X, y = digits.data, digits.target

#-----Don't change anything below-----
X_train = X_test = y_train = y_test = None
if X is None or y is None:
    print("3a is not answered yet")
else:
    num_train = 500
    num_test = len(X) - num_train
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=num_train, test_size=num_test, random_state=4803
    )

# %% 3b
## Problem 3 (b)
class Digits(Dataset):
    def __init__(self, X, y):
        """Keep the images and their labels.

        Parameters
        ----------
        X : array_like, shape (num_samples, num_features)
            one flattened digit a row
        y : array_like, shape (num_samples,)
            the digits, 0 to 9
        """
        self.X = X
        self.y = y

    def __getitem__(self, index):
        """Give one sample.

        Parameters
        ----------
        index : int
            which sample

        Returns
        -------
        input : torch.tensor, shape (1, 8, 8), dtype torch.float
            the digit as an image with one channel
        target : int as a torch.tensor, dtype torch.long
            its label
        """
        # a row has 64 values: one channel of 8 x 8 pixels
        image = torch.tensor(self.X[index], dtype=torch.float).reshape(1, 8, 8)
        target = torch.tensor(self.y[index], dtype=torch.long)
        return image, target

    def __len__(self):
        """Give the number of samples."""
        return len(self.X)

#-----Don't change anything below-----
train_batch_size = 100
test_batch_size = 1

try:
    train_dataset = Digits(X_train, y_train)
    trainloader = DataLoader(train_dataset, batch_size=train_batch_size, shuffle=True)
    test_dataset = Digits(X_test, y_test)
    testloader = DataLoader(test_dataset, batch_size=test_batch_size, shuffle=True)
except NotImplementedError as missing:
    print(missing)

# %% 3c
## Problem 3 (c)
class MySimpleCNN(torch.nn.Module):
    def __init__(self):
        """Make the layers."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        # 32 channels of 4 x 4 pixels each
        self.linear = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        """Compute the scores of a batch.

        Parameters
        ----------
        x : torch.tensor, shape (batch_size, 1, 8, 8), dtype torch.float
            a batch of images as the data loader gives them

        Returns
        -------
        out : torch.tensor, shape (batch_size, 10), dtype torch.float
            ten scores for each image
        """
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.pool(x)
        x = torch.flatten(x, start_dim=1)  # keep the batch dimension
        out = self.linear(x)
        return out

# %% 3d
## Problem 3 (d)
lr = 1e-3
epochs = 30

net = MySimpleCNN()
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=lr)

for epoch in range(epochs):
    net.train()  # dropout and the like behave as in training

    for x, y in trainloader:
        optimizer.zero_grad()  # forget the gradients of the last step
        out = net(x)
        loss = loss_function(out, y)
        loss.backward()
        optimizer.step()

        print(f'Epoch : {epoch} | Training Loss : {loss.item():.4f}')

if net is None:
    print("3d is not answered yet")

# %% [markdown] 3e-text
# Nearly all predictions are right, in every run; now and then an 8 is read as a 1, or a 9 as a 3,
# where the writing is sloppy. The task is easy for a small network because of the images: they
# have only 64 pixels, every digit is centred and fills the frame, all have the same size,
# orientation and contrast, the background is empty, and there are just ten classes, about equally
# frequent, which differ in coarse strokes that 3x3 filters pick up. Training and test images come
# from the same source, so 500 of them are enough.

# %% 4c
## Problem 4 (c)
from torch.utils.data import Dataset, DataLoader
from torchvision import transforms


class myDataset(Dataset):
    def __init__(self, img_list, data_transform=None):
        self.img_list = img_list  # the images, as `imread` gives them
        self.data_transform = data_transform

    def __getitem__(self, index):
        """Give one image.

        Parameters
        ----------
        index : int
            which image of img_list

        Returns
        -------
        img : torch.tensor, shape (3, 224, 224), dtype torch.float
            the image after the transformations
        """
        img = self.img_list[index]
        if self.data_transform is not None:
            img = self.data_transform(img)  # resize, make a tensor, normalise

        assert img.shape == (3, 224, 224)
        return img

    def __len__(self):
        """Give the number of images as an int."""
        return len(self.img_list)

#-----Don't change anything below-----
data_transform = transforms.Compose([
    transforms.Resize((224, 224)),
    transforms.ToTensor(),
    transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
])

my_dataset = myDataset(image_list, data_transform)
my_dataloader = DataLoader(my_dataset, batch_size=64, shuffle=False, num_workers=2)

#----verify the customized dataset `myDataset`----#
try:
    print('The size of the dataset: ', len(my_dataset))
    print('The shape of the first image after the transformations: ', my_dataset[0].shape)
except NotImplementedError as missing:
    print(missing)

# %% [markdown] 4d-text
# Mostly. The printed network has the same five convolution layers, three max pooling layers and
# three fully connected layers as the slide, with 11x11, 5x5 and 3x3 kernels in the same places.
# The numbers of channels are smaller (64, 192, 384, 256, 256 instead of 96, 256, 384, 384, 256),
# since torchvision follows the later one-GPU version, and there is an adaptive average pooling in
# front of the classifier and no local response normalisation.

# %% [markdown] 4e-text
# Most do. Photos with one large object in the middle get the right name or a close one. Crowded
# photos, and objects that are not among the 1000 ImageNet classes, get the name of something that
# has a similar texture or colour.

# %% 4e
## Problem 4 (e)
import torch
import numpy as np
import matplotlib.pyplot as plt
import torch.nn.functional as F

label_map = torch.load("label_dict.pth")  # number of a class -> its name

# ----- Do NOT change anything above ----- #

def predict(model, dataloader):
    """Give the number of the most likely class of each image, as one numpy array."""
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    model = model.to(device)
    model.eval()  # dropout and the like behave as in use
    pred_total = []

    with torch.no_grad():
        for img_tensor in dataloader:
            img_tensor = img_tensor.to(device)
            # the softmax probabilities of this batch, shape (number of images, 1000)
            scores = model(img_tensor)
            output = F.softmax(scores, dim=1)

            pred_class_idx = output.argmax(dim=1)
            pred_total.extend(pred_class_idx.tolist())

    return np.array(pred_total)


try:
    predictions_alexnet = predict(alexnet, my_dataloader)
    label_list_alexnet = [label_map[pred] for pred in predictions_alexnet]
    print("----- your images with the classes that AlexNet predicts -----")
    vis_img_label(image_list, label_list_alexnet)
except NotImplementedError as missing:
    print(missing)

# %% [markdown] 4f-text
# VGG16 and ResNet18 are right more often than AlexNet, above all where similar breeds or objects
# have to be told apart, but not always: a more complex network is better on average, and still
# wrong on some images that the simple one gets right. ResNet18 has far fewer weights than VGG16
# and does about as well.

# %% [markdown] 4g-text
# Related: a tabby cat is "tabby" or "tiger cat" for all three, a coffee mug is "coffee mug" or
# "cup", and a sports car is "convertible" for AlexNet and "sports car" for the others.
#
# Wrong with a reason: a striped beach towel became "zebra" because of its stripes, a round street
# lamp "ping-pong ball" because of its shape, and a chain fence "honeycomb" because of its pattern.
# ImageNet has no class for any of them.
#
# Complexity: no, not always. ResNet18 was closest in most of the disagreements, but on one image
# AlexNet had the right class and both deeper networks named an object in the background.

# %% 5a
# the pixels, rescaled to the range 0 to 1
X_train = X_train / 255
X_test = X_test / 255

# one-hot rows for Y_train and Y_test
# row k of the identity matrix is the code of label k
y_train = np.eye(10)[Y_train.astype(int)]
y_test = np.eye(10)[Y_test.astype(int)]

#-----Don't change anything below-----#
if y_train is None or y_test is None:
    print("5a is not answered yet")
else:
    for title, codes, digits in (("training", y_train, Y_train), ("test", y_test, Y_test)):
        print(f"Sanity check of the {title} samples")
        for sample in (0, 10):
            print(f"sample {sample}: label {digits[sample]}, one-hot code {codes[sample]}")

# %% 5b-i
def sigmoid(x):
    """Compute the sigmoid of `x`, entry by entry.

    Parameters
    ----------
    x : float or array_like
        any shape

    Returns
    -------
    sigmoid(x) : float or array_like
        the same shape
    """
#-----Don't change anything above-----#
    return 1 / (1 + np.exp(-x))
#-----Don't change anything below-----#

test_x = np.arange(-5, 5, 0.1).reshape(10, 10)
try:
    print(sigmoid(test_x))
except NotImplementedError as missing:
    print(missing)

# %% 5b-ii
def softmax(x):
    """Compute the softmax of each row of `x`.

    Parameters
    ----------
    x : array_like, shape (N, dim)
        N samples of dim scores each; dim is 10 for MNIST

    Returns
    -------
    softmax(x) : array_like, shape (N, dim)
        probabilities; the entries of each row add up to 1
    """
    # without the largest entry exp cannot overflow, and the result is the same
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)

#-----Don't change anything below-----
rng = np.random.default_rng(seed=8803)
test_x = rng.random((5, 10))
try:
    print(softmax(test_x))
except NotImplementedError as missing:
    print(missing)

# %% 5b-iii
def feed_forward(batch,hidden_layers,weights):
    """Send a batch through the network.

    Parameters
    ----------
    batch : array_like, shape (batch_size, dim)
        the inputs
    hidden_layers : list
        one array for the output of each layer
    weights : list
        the weight matrices

    Returns
    -------
    output : array_like
        the probabilities, one row for each sample
    hidden_layers : list
        the outputs of the layers, the batch first
    """
    hidden_layers[0] = batch
    # each layer: multiply what the layer before put out, then the sigmoid
    for i in range(len(weights)):
        hidden_layers[i + 1] = sigmoid(hidden_layers[i] @ weights[i])
    output = softmax(hidden_layers[-1])
    return output, hidden_layers

#-----Don't change anything below-----#
layer_sizes = np.array([X_train.shape[1]] + [128] * 3 + [10])
test_weights = init_weights(layer_sizes, fix_seed = True)
test_batch_size = 2
hidden_layers = init_layers(test_batch_size, layer_sizes)

try:
    test_output, test_hidden_layers = feed_forward(
        X_train[:test_batch_size], hidden_layers, test_weights
    )
    print("Layer sizes: ", layer_sizes)
    for i, weight in enumerate(test_weights):
        print(f"Shape of weights {i}: {weight.shape}")
    for i, layer in enumerate(test_hidden_layers):
        print(f"Shape of hidden layer {i}: {layer.shape}")
    for i in range(test_batch_size):
        print(f"Output for test input {i}: {test_output[i]}")
    print("Largest entry of the last layer, for grading: ", np.max(test_hidden_layers[4]))
except NotImplementedError as missing:
    print(missing)

# %% 5c-i
def sigmoid_prime(sigmoid_out):
    """Compute the derivative of the sigmoid from the value of the sigmoid.

    Parameters
    ----------
    sigmoid_out : array_like
        the output h of the sigmoid

    Returns
    -------
    sigmoid_prime(h) : array_like
        the derivative at the point where the sigmoid is h
    """
    return sigmoid_out * (1 - sigmoid_out)

# %% 5c-ii
def back_prop(output, batch_y, hidden_layers, weights, batch_size, lr):
    """Update the weights by one step of gradient descent.

    Parameters
    ----------
    output : array_like
        the probabilities that the forward pass gave
    batch_y : array_like
        the one-hot labels of the batch
    hidden_layers : list
        the outputs of the layers, as the forward pass left them
    weights : list
        the weight matrices
    batch_size : int
        the number of samples in the batch
    lr : float
        the learning rate

    Returns
    -------
    weights : list
        the weight matrices after the step
    """
    # p - y goes back through the sigmoid of the last layer
    delta = (output - batch_y) * sigmoid_prime(hidden_layers[-1])
    for i in reversed(range(len(weights))):
        gradient = hidden_layers[i].T @ delta / batch_size
        # pass delta on to the layer below while the weights are still the old ones
        delta = (delta @ weights[i].T) * sigmoid_prime(hidden_layers[i])
        weights[i] = weights[i] - lr * gradient
    return weights

#-----Don't change anything below-----
layer_sizes = np.array([X_train.shape[1]] + [128] * 3 + [10])
test_weights = init_weights(layer_sizes, fix_seed = True)
test_batch_size = 2
hidden_layers = init_layers(test_batch_size, layer_sizes)

try:
    test_output, test_hidden_layers = feed_forward(
        X_train[:test_batch_size], hidden_layers, test_weights
    )
    updated_weights = back_prop(
        test_output, y_train[:test_batch_size], test_hidden_layers, test_weights,
        test_batch_size, 0.5,
    )
    for i, updated_weight in enumerate(updated_weights):
        print(f"Corner of the updated weights {i}, for grading:")
        print(updated_weight[:2, :5])
except NotImplementedError as missing:
    print(missing)

# %% 5d
class MLP():

    def __init__(self, X, Y, X_val, Y_val, L=1, N_l=128):
        self.X, self.Y = self.__with_bias(X), self.__one_hot(Y)
        self.X_val, self.Y_val = self.__with_bias(X_val), self.__one_hot(Y_val)
        self.L, self.N_l = L, N_l
        self.n_samples, n_inputs = self.X.shape
        self.layer_sizes = np.array([n_inputs, *[N_l] * L, self.Y.shape[1]])
        self.__init_weights()
        # one list for each of these, with an entry for each epoch
        self.train_loss, self.train_acc = [], []
        self.val_loss, self.val_acc = [], []
        self.train_time, self.tot_time = [], []
        self.metrics = [self.train_loss, self.train_acc, self.val_loss, self.val_acc,
                        self.train_time, self.tot_time]

    def __sigmoid(self, x):
        # The sigmoid of each entry
        return 1 / (1 + np.exp(-x))

    def __softmax(self, x):
        # The softmax of each row
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def __sigmoid_prime(self, h):
        # The derivative of the sigmoid where h = sigmoid(x)
        return h * (1 - h)

    def __feed_forward(self, batch):
        # Send a batch (n_samples x n_features) forward: fill self.__h, then self.__out
        self.__h[0] = batch
        for i, weight in enumerate(self.weights):
            self.__h[i + 1] = self.__sigmoid(self.__h[i] @ weight)
        self.__out = self.__softmax(self.__h[-1])

    def __back_prop(self, batch_y):
        # Update self.weights from self.__h and self.__out, with self.lr and self.batch_size
        delta = (self.__out - batch_y) * self.__sigmoid_prime(self.__h[-1])
        for i in reversed(range(len(self.weights))):
            gradient = self.__h[i].T @ delta / self.batch_size
            delta = (delta @ self.weights[i].T) * self.__sigmoid_prime(self.__h[i])
            self.weights[i] -= self.lr * gradient

    def __with_bias(self, X):
        # Append a column of ones
        return np.column_stack((X, np.ones(len(X))))

    def __one_hot(self, Y):
        # One-hot rows for labels from 0 to 9
        return np.eye(10)[Y.astype(int).reshape(-1)]

    def __loss(self, y_pred, y):
        # The cross entropy of each sample, averaged over the samples
        return np.mean(-np.sum(y * np.log(y_pred), axis=1))

    def __accuracy(self, y_pred, y):
        # The share of samples whose one-hot rows agree
        return np.mean((y_pred == y).all(axis=1))

    def __to_categorical(self, x):
        # One-hot rows with the 1 at the largest probability
        return np.eye(self.Y.shape[1])[x.argmax(axis=1)]

    def __init_weights(self):
        # Random weights between -1 and 1
        shapes = zip(self.layer_sizes[:-1], self.layer_sizes[1:])
        self.weights = [np.random.uniform(-1, 1, size=shape) for shape in shapes]

    def __init_layers(self, batch_size):
        # Room for the output of each layer
        self.__h = [np.empty((batch_size, size)) for size in self.layer_sizes]

    def __scores(self, y):
        # The loss and the accuracy of the latest forward pass
        return self.__loss(self.__out, y), self.__accuracy(self.__to_categorical(self.__out), y)

    def __one_epoch(self):
        # Learn from each batch once, in random order; give the mean loss and accuracy
        self.__init_layers(self.batch_size)
        shuffle = np.random.permutation(self.n_samples)
        scores = []
        for rows in np.array_split(shuffle, self.n_samples // self.batch_size):
            self.__feed_forward(self.X[rows])
            scores.append(self.__scores(self.Y[rows]))
            self.__back_prop(self.Y[rows])
        return np.mean(scores, axis=0)

    def predict(self, X):
        # One-hot predictions for the rows of X
        self.__init_layers(len(X))
        self.__feed_forward(self.__with_bias(X))
        return self.__to_categorical(self.__out)

    def evaluate(self, X, Y):
        # The accuracy on X, with one-hot labels Y
        return self.__accuracy(self.predict(X), Y)

    def train(self, batch_size=8, epochs=25, lr=1.0):
        # Stochastic gradient descent; remembers and prints loss and accuracy of each epoch
        self.lr, self.batch_size = lr, batch_size
        for epoch in range(1, epochs + 1):
            start = time.time()
            train_loss, train_acc = self.__one_epoch()
            train_time = round(time.time() - start, 3)

            self.__init_layers(len(self.X_val))
            self.__feed_forward(self.X_val)
            val_loss, val_acc = self.__scores(self.Y_val)
            tot_time = round(time.time() - start, 3)

            latest = (train_loss, train_acc, val_loss, val_acc, train_time, tot_time)
            for values, value in zip(self.metrics, latest):
                values.append(value)

            # Print the epoch and its loss, acc, val_loss, val_acc, train_time and tot_time
            print(f"Epoch {epoch}: loss = {train_loss:.3f} | acc = {train_acc:.3f} | "
                  f"val_loss = {val_loss:.3f} | val_acc = {val_acc:.3f} | "
                  f"train_time = {train_time} | tot_time = {tot_time}")

# %% 6
import numpy as np
import torch


def my_convolution(input_numpy, kernel_numpy):
    """Do the third step of `torch_convolution` below without torch.

    Loops are fine, and so is vectorised code.

    Parameters
    ----------
    input_numpy : array_like, shape (batch_size, input_channels, height, width)
        the images
    kernel_numpy : array_like, shape (output_channels, input_channels, kernel_height, kernel_width)
        the kernels

    Returns
    -------
    my_conv_output : array_like
        shape (batch_size, output_channels, height - kernel_height + 1, width - kernel_width + 1)
    """
    batch_size, input_channels, height, width = input_numpy.shape
    output_channels, _, kernel_height, kernel_width = kernel_numpy.shape
    out_height = height - kernel_height + 1
    out_width = width - kernel_width + 1

    my_conv_output = np.zeros((batch_size, output_channels, out_height, out_width))
    for j in range(out_height):
        for k in range(out_width):
            # the part of every image that the kernel covers at (j, k)
            patch = input_numpy[:, :, j:j + kernel_height, k:k + kernel_width]
            for channel in range(output_channels):
                product = patch * kernel_numpy[channel]
                my_conv_output[:, channel, j, k] = product.sum(axis=(1, 2, 3))
    return my_conv_output

#-----Don't change anything below-----#
# input shape: [batch size, input_channels, input_height, input_width]
sample_input = np.random.random([5, 3, 24, 24])

# kernel shape: [output_channels, input_channels, filter_height, filter width]
sample_kernel = np.random.random([16, 3, 5, 5])


def torch_convolution(input_numpy, kernel_numpy):
    """Convolve with torch.

    1) Take the input and the kernel as numpy arrays.
    2) Turn them into tensors.
    3) Apply `torch.conv2d`.
    4) Turn the result into a numpy array.
    5) Return it.
    """
    input_torch, kernel_torch = torch.Tensor(input_numpy), torch.Tensor(kernel_numpy)
    return torch.conv2d(input_torch, kernel_torch).numpy()


# output shape: [batch_size, output_channels, output_height, output_width]
torch_output = torch_convolution(sample_input, sample_kernel)
try:
    my_output = my_convolution(sample_input, sample_kernel)
    # The shapes have to be the same.
    print(f'Shape of the output of torch: {torch_output.shape}')
    print(f'Shape of your output: {my_output.shape}')
    # The values agree up to the precision of floating point numbers.
    print('The first row of torch: ', torch_output[0][0][0])
    print('Your first row: ', my_output[0][0][0])
except NotImplementedError as missing:
    print(missing)
