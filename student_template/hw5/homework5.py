# %% [markdown]
# # ECE 4252/8803: Fundamentals of Machine Learning (FunML)
#
# ### Spring 2025
#
# ### Homework Assignment # 5
#
# ### Due: March 14, 2025 @8PM
#
# **How to work**
#
# - Write every answer in this notebook, in Colab, JupyterLab or whatever you like best.
# - Placeholders mark what you write: `None`, `0`, `raise NotImplementedError(...)` or
#   *Your answer*. Replace them. Code above or below a line that says *Don't change anything*
#   stays as it is.
# - Keep all questions, in this order. Throw away scratch cells before you hand in.
# - Comment your code. Talk about the problems with others if it helps, but write your own
#   answers: the Honor Code holds.
# - Every solution starts with a line in bold red that says *Solution* and the part, such as
#   <font color="red">**Solution to Problem 2 Part (c)**</font>. The lines are here already; keep
#   them. Without them the homework can lose **20 %** of its total.
#
# **How to hand in**
#
# 1. Restart the kernel and run all cells, so that each shows its output.
# 2. Print the notebook to PDF (print preview of the browser) and give it to Gradescope, each
#    question matched to its pages.
# 3. Put PDF and notebook into one ZIP file for Canvas. The names are
#    `LastName_FirstName_ECE_4252_8803_F24_assignment_5` with `.pdf`, `.ipynb` and `.zip`.
#
# Late work counts only where it was agreed on beforehand.
#
# **What you practise:** tensors and autograd, datasets and training loops, a pretrained network
# on your own pictures, a multilayer perceptron from scratch, and convolution.
#
# **Worth reading first:** the PyTorch tutorials on
# [tensors](https://pytorch.org/tutorials/beginner/basics/tensorqs_tutorial.html),
# [autograd](https://pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html),
# [networks](https://pytorch.org/tutorials/beginner/basics/buildmodel_tutorial.html) and
# [data loaders](https://pytorch.org/tutorials/beginner/basics/data_tutorial.html).

# %% [markdown]
# # Problem 1: Introduction to PyTorch (10 points)
#
# A `torch.Tensor` is an array that can live on a GPU and that can remember how it was computed,
# so that PyTorch finds gradients by itself. Take
#
# $$A = \begin{bmatrix} 1 & -1 \\ 0 & 1 \end{bmatrix}, \quad
# \mathbf{v}_1 = \begin{bmatrix} 1 \\ 2 \end{bmatrix}, \quad
# \mathbf{v}_2 = \begin{bmatrix} -2 \\ -1 \end{bmatrix}, \quad
# V = \begin{bmatrix} \mathbf{v}_1 & \mathbf{v}_2 \end{bmatrix}.$$
#
# (a) Make `v1` and `v2` of shape `torch.Size([2, 1])`, `A` and `V` of shape
# `torch.Size([2, 2])`. Mind the shape: `(2,)` also has two entries and behaves differently.
#
# (b) `hadamard_AV` is the elementwise product of $A$ and $V$.
#
# (c) `Matrix_AV` is the matrix product $AV$.
#
# (d) `square_l2_v` is $\|\mathbf{v}_1 - \mathbf{v}_2\|_2^2$, computed without `torch.norm`.
#
# (e) Make `v1` and `v2` again, now with `requires_grad=True`, compute
# $y = \|\mathbf{v}_1 - \mathbf{v}_2\|_2^2$ as `y` and let `torch.autograd.backward` fill in
# `v1.grad` and `v2.grad`. By hand one finds
# $\partial y / \partial \mathbf{v}_1 = 2(\mathbf{v}_1 - \mathbf{v}_2)$ and
# $\partial y / \partial \mathbf{v}_2 = -2(\mathbf{v}_1 - \mathbf{v}_2)$; the cell prints both.
# Do they agree?

# %% [markdown]
# ## Problem 1 (a)-(e) Solution
#
# <font color="red">**Solution to Problem 1 Part (a)-(e)**</font>

# %% grader={"id": "1", "parts": ["1a", "1b", "1c", "1d", "1e"]}
## Problem 1
import torch

## part (a)
v1 = None
v2 = None
A = None
V = None

## part (b)
hadamard_AV = None

## part (c)
Matrix_AV = None

## part (d)
square_l2_v = None

## part (e): the vectors again, with requires_grad=True, then y and its backward pass
v1 = None
v2 = None
y = None

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

# %% [markdown]
# # Problem 2 : Computational Graph and Backpropagation (9 points)
#
# Autograd works on a graph of the computation. Here you draw two such graphs and walk one of
# them forwards and backwards.
#
# ## Problem 2 (a) Plot Computational Graph
#
# A computational graph is directed: each variable points to the operation that uses it, each
# operation to its result. The next cell draws the graph of $g(x_1) = w_1 x_1 + b_1$.
#
# Draw the graph of
#
# $$f(w, x) = \frac{1}{1 + e^{-(w_0 x_0 + w_1 x_1 + w_2)}}$$
#
# with circles for variables, rectangles for operations, and intermediate results named $z_n$.
# Use networkx and matplotlib as the example does, or draw by hand and put in a picture.

# %%
## Example: the computational graph of g(x1) = w1 * x1 + b1
import matplotlib.pyplot as plt
import networkx as nx


class Vert:
    """A node of the graph and the names of the nodes that its arrows lead to."""

    def __init__(self, name, edges):
        self.name = name
        self.edges = edges


def build_graph(nodes):
    """Turn a list of Vert into a directed graph."""
    graph = nx.DiGraph()
    for vertex in nodes:
        graph.add_node(vertex.name)
        graph.add_edges_from((vertex.name, target) for target in vertex.edges)
    return graph


def draw_graph(graph, positions, labels):
    """Draw operations (nodes with a label of their own) as boxes, variables as circles."""
    plt.figure(figsize=(12, 5), dpi=80)
    style = {"pos": positions, "node_size": 900, "node_color": "w", "edgecolors": "b"}
    variables = [name for name in graph if name not in labels]
    nx.draw_networkx_nodes(graph, nodelist=variables, node_shape="o", **style)
    nx.draw_networkx_nodes(graph, nodelist=list(labels), node_shape="s", **style)
    nx.draw_networkx_labels(graph, positions, {name: labels.get(name, name) for name in graph})
    nx.draw_networkx_edges(graph, positions, arrowsize=12, node_size=900)
    plt.margins(0.1)
    plt.show()


nodes = [
    Vert("w1", ["mul1"]),
    Vert("x1", ["mul1"]),
    Vert("mul1", ["z1"]),
    Vert("z1", ["add1"]),
    Vert("b1", ["add1"]),
    Vert("add1", ["g"]),
    Vert("g", []),
]
G = build_graph(nodes)
positions = {
    "w1": (0, 1), "x1": (0, -1), "mul1": (1, 0), "z1": (2, 0),
    "b1": (2, -1), "add1": (3, 0), "g": (4, 0),
}
draw_graph(G, positions, labels={"mul1": "*", "add1": "+"})

# %% [markdown]
# ## Problem 2 (a) Solution
#
# <font color="red">**Solution to Problem 2 Part (a)**</font>

# %% grader={"id": "2a", "parts": ["2a"]}
## Problem 2 (a)
nodes = []  # one Vert for each variable and each operation
positions = {}  # name of a node -> (x, y)
labels = {}  # name of an operation -> what its box shows

G = build_graph(nodes)
if nodes:
    draw_graph(G, positions, labels)
else:
    print("2a is not answered yet")

# %% [markdown]
# ## Problem 2 (b) Forward pass
#
# Now let
#
# $$f(x_1, x_2, w_1, w_2) = e^{-(w_1 x_1 + w_2 x_2)}$$
#
# with $w_1 = 0.1$, $x_1 = 0.3$, $w_2 = -0.2$, $x_2 = 0.4$. The value that $f$ ought to have is
# $f^* = 1$, and $e = f - f^*$ is the error. Compute `f` and `e` to at least three decimals, and
# draw the graph, with $f^*$ and $e$ in it.

# %% [markdown]
# ## Problem 2 (b) Solution
#
# <font color="red">**Solution to Problem 2 Part (b)**</font>

# %% grader={"id": "2b", "parts": ["2b"]}
## Problem 2 (b)
w1, x1 = 0.1, 0.3
w2, x2 = -0.2, 0.4
f_star = 1.0

f = None
e = None

nodes = []  # as in part (a)
positions = {}
labels = {}

G = build_graph(nodes)
if nodes:
    draw_graph(G, positions, labels)
if f is None or e is None:
    print("2b is not answered yet")
else:
    print(f"f = {float(f):.4f}, e = {float(e):.4f}")

# %% [markdown]
# ## Problem 2 (c) Backpropagation
#
# Go through your graph of part (b) backwards with the chain rule and give the values of
#
# - (i) $\frac{\partial e}{\partial f}$
# - (ii) $\frac{\partial e}{\partial w_1}$
# - (iii) $\frac{\partial e}{\partial w_2}$
#
# to at least three decimals.

# %% [markdown]
# ## Problem 2 (c) Solution
#
# <font color="red">**Solution to Problem 2 Part (c)**</font>

# %% [markdown] grader={"id": "2c-text", "parts": ["2c"]}
# *Your answer*

# %% [markdown]
# ## Problem 2 (d) Verify with Pytorch
#
# Let PyTorch compute $\frac{\partial e}{\partial w_1}$ and $\frac{\partial e}{\partial w_2}$ of
# part (c): build `f` and `e` from the tensors below, go backwards, and keep the gradients as
# `dedw1` and `dedw2`.

# %% [markdown]
# ## Problem 2 (d) Solution
#
# <font color="red">**Solution to Problem 2 Part (d)**</font>

# %% grader={"id": "2d", "parts": ["2d"]}
import torch

w1 = torch.tensor([0.1], requires_grad=True)
x1 = torch.tensor([0.3])

w2 = torch.tensor([-0.2], requires_grad=True)
x2 = torch.tensor([0.4])

f_star = torch.tensor([1.0])
#-----Don't change anything above-----#

dedw1 = None
dedw2 = None

#-----Don't change anything below-----
if dedw1 is None or dedw2 is None:
    print("2d is not answered yet")
else:
    print(f"de/dw1:\n{dedw1}")
    print(f"de/dw2:\n{dedw2}")

# %% [markdown]
# # Problem 3 : Jumpstart to CNN training with Digits (20 points)
#
# The `Digits` data of `sklearn` are grayscale images of the digits 0 to 9, 8×8 pixels each. You
# train a small convolutional network on them, with the parts that every PyTorch project has: a
# dataset, data loaders, a network, a training loop and an evaluation.
#
# ## Problem 3 (a) Load Data from `sklearn`
#
# Get the data matrix `X` and the labels `y` from `load_digits()`. The rest of the cell splits
# them into a training and a test set with `train_test_split`.

# %% [markdown]
# ## Problem 3 (a) Solution
#
# <font color="red">**Solution to Problem 3 Part (a)**</font>

# %% grader={"id": "3a", "parts": ["3a"]}
## Problem 3 (a)
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
import numpy as np
import matplotlib.pyplot as plt
from torch.utils.data import Dataset, DataLoader
import torch
import torch.nn as nn

# the data matrix and the labels
X, y = None, None

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

# %% [markdown]
# ## Problem 3 (b) Implement Custom Pytorch Dataset
#
# A `Dataset` answers two questions: how many samples are there, and what is sample number
# `index`? A `DataLoader` asks them, and hands batches (shuffled, if wanted) to the network. Write
# `Digits` so that it keeps the two arrays and answers both; the docstrings say what the answers
# look like. The documentation of
# [torch.utils.data](https://pytorch.org/docs/stable/data.html) has the details.

# %% [markdown]
# ## Problem 3 (b) Solution
#
# <font color="red">**Solution to Problem 3 Part (b)**</font>

# %% grader={"id": "3b", "parts": ["3b"]}
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
        raise NotImplementedError("3b: Digits.__init__ is not written yet")

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
        raise NotImplementedError("3b: Digits.__getitem__ is not written yet")

    def __len__(self):
        """Give the number of samples."""
        raise NotImplementedError("3b: Digits.__len__ is not written yet")

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

# %% [markdown]
# ## Problem 3 (c) Define a CNN
#
# A network is a subclass of `torch.nn.Module`: `__init__` makes the layers, `forward` sends a
# batch through them. Yours has these layers, in this order:
#
# - 2D convolution, kernel size 3, 1 input channel, 16 output channels, padding 1
# - ReLU
# - 2D convolution, kernel size 3, 16 input channels, 32 output channels, padding 1
# - ReLU
# - max pooling that halves height and width, 8×8 to 4×4
# - linear layer from all values of the 4×4 maps to 10 scores, one for each digit

# %% [markdown]
# ## Problem 3 (c) Solution
#
# <font color="red">**Solution to Problem 3 Part (c)**</font>

# %% grader={"id": "3c", "parts": ["3c"]}
## Problem 3 (c)
class MySimpleCNN(torch.nn.Module):
    def __init__(self):
        """Make the layers."""
        super().__init__()
        raise NotImplementedError("3c: MySimpleCNN.__init__ is not written yet")

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
        raise NotImplementedError("3c: MySimpleCNN.forward is not written yet")

# %% [markdown]
# ## Problem 3 (d) Train the CNN
#
# Choose a learning rate, a number of epochs and an optimizer that you know, and take cross
# entropy as the loss. In each step of the loop: forget the gradients of the step before, compute
# the scores and the loss of the batch, go backwards, update the weights. The printed loss should
# start high and fall.

# %% [markdown]
# ## Problem 3 (d) Solution
#
# <font color="red">**Solution to Problem 3 Part (d)**</font>

# %% grader={"id": "3d", "parts": ["3d"]}
## Problem 3 (d)
lr = None
epochs = 0

net = None
loss_function = None
optimizer = None

for epoch in range(epochs):
    net.train()  # dropout and the like behave as in training

    for x, y in trainloader:
        loss = None  # replace this line by the steps of the training

        print(f'Epoch : {epoch} | Training Loss : {loss.item():.4f}')

if net is None:
    print("3d is not answered yet")

# %% [markdown]
# ## Problem 3 (e) Evaluation Test Result
#
# `net` now holds the trained weights. The cell below shows a few random images of the test set
# with the predicted labels; run it several times. Are the predictions good throughout? Explain,
# from what is special about the images of this dataset, why such a small network does so well.

# %% [markdown]
# ## Problem 3 (e) Solution
#
# <font color="red">**Solution to Problem 3 Part (e)**</font>

# %% [markdown] grader={"id": "3e-text", "parts": ["3e"]}
# *Your answer*

# %% grader={"id": "3e", "parts": ["3e"]}
## Problem 3 (e)
if net is None:
    print("3e needs the network of 3d, which is not answered yet")
else:
    net.eval()  # dropout and the like behave as in use
    num_images = 5
    fig, axes = plt.subplots(1, num_images, figsize=(15, 8))
    for ax in axes:
        x, _ = next(iter(testloader))
        out = net(x)
        ax.imshow(x[0, 0])
        ax.set_title(f'Predicted Label: {out.argmax().item()}')
    plt.show()

# %% [markdown]
# # Problem 4: Image Classification Using Pre-trained Models (28 points)
#
# Few people have enough images to train a large network. They take one that somebody trained on
# ImageNet. Here you let three such networks name what they see in pictures of your own.
#
# ## Problem 4 (a) Upload Images
#
# The cell makes the folder `my_images`. Put at least 12 images of yours into it, photos that you
# took or found.

# %% [markdown]
# ## Problem 4 (a) Solution
#
# <font color="red">**Solution to Problem 4 Part (a)**</font>

# %% grader={"id": "4a", "parts": ["4a"]}
## Problem 4 (a)
# !mkdir -p my_images

# %% [markdown]
# ## Problem 4 (b) Visualize Images
#
# Run the cell to see your images.

# %% [markdown]
# ## Problem 4 (b) Solution
#
# <font color="red">**Solution to Problem 4 Part (b)**</font>

# %% grader={"id": "4b", "parts": ["4b"]}
## Problem 4 (b)
from PIL import Image
import matplotlib.pyplot as plt
from glob import glob
import os
import numpy as np


def imread(img_dir):
    """Read every image of a folder as a `PIL.Image` in RGB."""
    return [Image.open(path).convert('RGB') for path in glob(os.path.join(img_dir, "*"))]


def vis_img_label(image_list, label_list=None):
    """Show the images, four in a row, each with its label."""
    if label_list is None:
        label_list = [""] * len(image_list)
    columns = 4
    rows = max(1, -(-len(image_list) // columns))
    fig = plt.figure(figsize=(5 * columns, 5 * rows))
    for place, (image, label) in enumerate(zip(image_list, label_list), start=1):
        ax = fig.add_subplot(rows, columns, place)
        ax.imshow(np.asarray(image))
        ax.set_title(label)
    plt.show()


img_dir = "my_images"  # change this if your images are elsewhere
image_list = imread(img_dir)
vis_img_label(image_list)

# %% [markdown]
# ## Problem 4 (c) Define Custom Dataset
#
# To send the images through a network you need a dataset again. Complete two methods of
# `myDataset`:
#
# - `__len__` gives the number of images in `img_list`
# - `__getitem__` gives image number `index`, so that `myDataset[i]` works, after
#   `data_transform` has been applied to it where there is one

# %% [markdown]
# ## Problem 4 (c) Solution
#
# <font color="red">**Solution to Problem 4 Part (c)**</font>

# %% grader={"id": "4c", "parts": ["4c"]}
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
        raise NotImplementedError("4c: myDataset.__getitem__ is not written yet")

        assert img.shape == (3, 224, 224)
        return img

    def __len__(self):
        """Give the number of images as an int."""
        raise NotImplementedError("4c: myDataset.__len__ is not written yet")

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

# %% [markdown]
# ## Problem 4 (d) Load AlexNet
#
# Run the cell. With `pretrained=True` the `torchvision.models` module gives AlexNet with the
# weights that it learned from ImageNet (a deprecated spelling that still works; newer code says
# `weights="DEFAULT"`). Does the printed architecture match the AlexNet on slide 16 of
# lecture 15?

# %% [markdown]
# ## Problem 4 (d) Solution
#
# <font color="red">**Solution to Problem 4 Part (d)**</font>

# %% grader={"id": "4d", "parts": ["4d"]}
## Problem 4 (d)
import torchvision

alexnet = torchvision.models.alexnet(pretrained=True)
print(alexnet)  # the architecture

# %% [markdown] grader={"id": "4d-text", "parts": ["4d"]}
# *Your answer*

# %% [markdown]
# ## Problem 4 (e) Inference with AlexNet
#
# Complete `predict(model, dataloader)`: it computes the softmax probabilities of every batch
# (`torch.nn.functional.softmax` helps) and gives the most likely class of each image. The rest of
# the cell shows your images with the names of these classes. Do the predictions make sense?
#
# The cell needs the file `label_dict.pth` in your working folder; it comes with the homework.

# %% [markdown]
# ## Problem 4 (e) Solution
#
# <font color="red">**Solution to Problem 4 Part (e)**</font>

# %% [markdown] grader={"id": "4e-text", "parts": ["4e"]}
# *Your answer*

# %% grader={"id": "4e", "parts": ["4e"]}
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
            raise NotImplementedError("4e: predict is not written yet")

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

# %% [markdown]
# ## Problem 4 (f) Vgg16 and Resnet18
#
# Run the two cells: they do the same with VGG16 and ResNet18. Compare the three networks. Does
# the more complex one always make more sensible predictions?

# %% [markdown]
# ## Problem 4 (f) Solution
#
# <font color="red">**Solution to Problem 4 Part (f)**</font>

# %% [markdown] grader={"id": "4f-text", "parts": ["4f"]}
# *Your answer*

# %% grader={"id": "4f-vgg16", "parts": ["4f"]}
## Problem 4 (f) Vgg16
vgg16 = torchvision.models.vgg16(pretrained=True)

try:
    predictions_vgg16 = predict(vgg16, my_dataloader)
    label_list_vgg16 = [label_map[pred] for pred in predictions_vgg16]
    print("----- your images with the classes that VGG16 predicts -----")
    vis_img_label(image_list, label_list_vgg16)
except NotImplementedError as missing:
    print(missing)

# %% grader={"id": "4f-resnet18", "parts": ["4f"]}
## Problem 4 (f) Resnet18
resnet18 = torchvision.models.resnet18(pretrained=True)

try:
    predictions_resnet18 = predict(resnet18, my_dataloader)
    label_list_resnet18 = [label_map[pred] for pred in predictions_resnet18]
    print("----- your images with the classes that ResNet18 predicts -----")
    vis_img_label(image_list, label_list_resnet18)
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# ## Problem 4 (g) Interpret Result
#
# Look at what the three networks say and answer:
#
# - Which predictions are right, or close to what the image shows (a gazelle for a giraffe, say)?
# - Which ones are wrong but can be explained? A network that calls a giraffe a honeycomb may have
#   looked at the pattern of its coat.
# - Where the networks disagree: is the more complex one always closer to the truth?

# %% [markdown]
# ## Problem 4 (g) Solution
#
# <font color="red">**Solution to Problem 4 Part (g)**</font>

# %% [markdown] grader={"id": "4g-text", "parts": ["4g"]}
# *Your answer*

# %% [markdown]
# # Problem 5: Multi Layer Perceptron (28 points)
#
# A multilayer perceptron (MLP) is a chain of fully connected layers: the inputs, at least one
# hidden layer with a nonlinear activation, and the outputs. You build one with NumPy alone.
#
# The data are [MNIST](https://en.wikipedia.org/wiki/MNIST_database) digits of 28×28 pixels. They
# lie in `sample_data/mnist_train_small.csv` and `sample_data/mnist_test.csv`: one digit a line,
# the label first, then its 784 pixels. With any new data ask first: which range do the values
# have, which shape does a sample have, and is there anything unusual to look out for? The
# function below reads a file.

# %%
import time
import numpy as np
import matplotlib.pyplot as plt
import os


def load_data(dir_name):
    """Read MNIST digits from a comma separated file whose lines start with the label.

    Parameters
    ----------
    dir_name : str
        path of the file

    Returns
    -------
    X : array_like, shape (N, 784)
        the pixels, one digit a row
    Y : array_like, shape (N,)
        the labels
    """
    data = np.loadtxt(dir_name, delimiter=",", dtype=np.float32)
    return data[:, 1:], data[:, 0]


X_train, Y_train = load_data("sample_data/mnist_train_small.csv")
X_test, Y_test = load_data("sample_data/mnist_test.csv")

# %% [markdown]
# ## Problem 5 (a) One Hot Encoding
#
# A label such as 7 is a name, not a quantity: 7 is not more than 3 in any way that matters here.
# A one-hot code turns it into a vector of ten entries that is 1 at the label's place and 0
# elsewhere, so that no order is implied and a network with ten outputs can be compared with it.
#
# Rescale `X_train` and `X_test` to the range 0 to 1, and make `y_train` and `y_test`, one-hot
# rows for the labels `Y_train` and `Y_test`.

# %% [markdown]
# ## Problem 5 (a) Solution
#
# <font color="red">**Solution to Problem 5 Part (a)**</font>

# %% grader={"id": "5a", "parts": ["5a"]}
# the pixels, rescaled to the range 0 to 1
X_train = X_train
X_test = X_test

# one-hot rows for Y_train and Y_test
y_train = None
y_test = None

#-----Don't change anything below-----#
if y_train is None or y_test is None:
    print("5a is not answered yet")
else:
    for title, codes, digits in (("training", y_train, Y_train), ("test", y_test, Y_test)):
        print(f"Sanity check of the {title} samples")
        for sample in (0, 10):
            print(f"sample {sample}: label {digits[sample]}, one-hot code {codes[sample]}")

# %% [markdown]
# A few digits with their codes; each row of 784 pixels becomes an image of 28×28 again.

# %%
num_images = 4
fig, axes = plt.subplots(1, num_images, figsize=(15, 10))
for place, ax in enumerate(axes):
    ax.imshow(X_train[place].reshape(28, 28), cmap='gray', vmin=0, vmax=1.0)
    if y_train is not None:
        ax.set_title(f"Label: {y_train[place]}")
plt.show()

# %% [markdown]
# ## The Mathematical Foundation
#
# One neuron takes the inputs $\mathbf{x} = \{x_0 = 1, x_1, \dots, x_n\}$ (the constant $x_0$
# plays the role of a bias), multiplies them by its weights
# $\mathbf{w} = \{w_0, w_1, \dots, w_n\}$ and adds up:
#
# $$z = \sum_{i=0}^n x_i w_i$$
#
# Everything below is many such sums at once, an activation, and the chain rule.

# %% [markdown]
# ## Problem 5 (b) Forward Propagation, Sigmoid Function, and Softmax Function
#
# The *architecture* of a network fixes its layers, their sizes and their activations. Computing
# the outputs from the inputs is the *forward pass*; for an MLP that is a matrix product and an
# activation for each layer.

# %% [markdown]
# ## Problem 5 (b-i) Sigmoid Function
#
# Take one hidden layer of 15 neurons, without bias. Neuron $j$ has the activation
#
# $$a_j = \sigma\left(\sum_{i=1}^{784} x_i w_{i,j}\right), \quad
# \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# With the weights in a matrix $W^{(1)} \in \mathbb{R}^{784 \times 15}$ the whole layer is
# $\mathbf{a}^{(1)} = \sigma(\mathbf{x} W^{(1)})$, and a second matrix
# $W^{(2)} \in \mathbb{R}^{15 \times 10}$ leads on to the outputs
# $\mathbf{z}^{(2)} = \sigma(\mathbf{x} W^{(1)}) W^{(2)}$, here still without an activation.
#
# Write $\sigma$.

# %% [markdown]
# ## Problem 5 (b-i) Solution
#
# <font color="red">**Solution to Problem 5 Part (b-i)**</font>

# %% grader={"id": "5b-i", "parts": ["5b-i"]}
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
    raise NotImplementedError("5b-i: sigmoid is not written yet")
#-----Don't change anything below-----#

test_x = np.arange(-5, 5, 0.1).reshape(10, 10)
try:
    print(sigmoid(test_x))
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# ## Problem 5 (b-ii) Softmax Function
#
# To classify, the outputs $\mathbf{z}^{(2)}$ become probabilities, one for each label, by the
# softmax
#
# $$\text{softmax}(\mathbf{z})_j = \frac{\exp(z_j)}{\sum_{k=0}^{9} \exp(z_k)}$$
#
# Its entries are positive and add up to 1. The predicted label is the most likely one; since the
# softmax keeps the order, it is the largest entry of $\mathbf{z}^{(2)}$ too. (A network for
# regression would go without a softmax.)
#
# Write the softmax for a batch: every row of `x` is a sample.

# %% [markdown]
# ## Problem 5 (b-ii) Solution
#
# <font color="red">**Solution to Problem 5 Part (b-ii)**</font>

# %% grader={"id": "5b-ii", "parts": ["5b-ii"]}
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
    raise NotImplementedError("5b-ii: softmax is not written yet")

#-----Don't change anything below-----
rng = np.random.default_rng(seed=8803)
test_x = rng.random((5, 10))
try:
    print(softmax(test_x))
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# ## Problem 5 (b-iii) Forward Propagation
#
# The backward pass will need what every layer put out, so the forward pass keeps it. The next
# function makes room: one array for each layer, of `batch_size` rows, since a batch of samples
# goes through the network at once.

# %%
def init_layers(batch_size, layer_sizes):
    """Make one uninitialised array for the output of each layer.

    Parameters
    ----------
    batch_size : int
        how many samples go through the network at once
    layer_sizes : array_like
        the number of neurons of each layer

    Returns
    -------
    hidden_layers : list
        arrays of shape (batch_size, size of the layer)
    """
    return [np.empty((batch_size, size)) for size in layer_sizes]

# %% [markdown]
# The weights are what the network learns; they start at random, here uniformly between -1 and 1.
# (A normal distribution would do as well. Think about what would go wrong if they all started at
# zero.) With `fix_seed=True` everybody gets the same weights.

# %%
def init_weights(layer_sizes, fix_seed = False):
    """Draw random weights between -1 and 1 for each pair of neighbouring layers.

    Parameters
    ----------
    layer_sizes : array_like
        the number of neurons of each layer
    fix_seed : bool
        draw the same weights each time

    Returns
    -------
    weights : list
        matrices of shape (size of a layer, size of the next layer)
    """
    weights = []
    for i, shape in enumerate(zip(layer_sizes[:-1], layer_sizes[1:])):
        if fix_seed:
            generator = np.random.default_rng(seed=8803 if i == 1 else 4803)
        else:
            generator = np.random
        weights.append(generator.uniform(-1, 1, size=shape))
    return weights

# %% [markdown]
# Now write `feed_forward`. The batch itself is the first entry of `hidden_layers`. For each
# weight matrix, multiply the output of the layer before by it, apply the sigmoid and store the
# result as the next entry. The softmax of the last entry is the output of the network.

# %% [markdown]
# ## Problem 5 (b-iii) Solution
#
# <font color="red">**Solution to Problem 5 Part (b-iii)**</font>

# %% grader={"id": "5b-iii", "parts": ["5b-iii"]}
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
    raise NotImplementedError("5b-iii: feed_forward is not written yet")

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

# %% [markdown]
# ## Problem 5 (c) Backpropagation
#
# A network learns when its weights change such that its outputs come closer to the labels. A
# *loss function* measures how far off they are, and *backpropagation* computes how the loss
# changes with every weight.

# %% [markdown]
# ## Problem 5 (c-i) Derivative of Sigmoid Function
#
# The derivative of the sigmoid can be had from its value:
#
# $$\sigma'(x) = \sigma(x)(1 - \sigma(x))$$
#
# Write `sigmoid_prime`. Its argument is the **output** of the sigmoid, since that is what the
# forward pass has stored.

# %% [markdown]
# ## Problem 5 (c-i) Solution
#
# <font color="red">**Solution to Problem 5 Part (c-i)**</font>

# %% grader={"id": "5c-i", "parts": ["5c-i"]}
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
    raise NotImplementedError("5c-i: sigmoid_prime is not written yet")

# %% [markdown]
# ## Problem 5 (c-ii) Completing Backpropagation
#
# The loss is the cross entropy between the one-hot labels $y$ and the probabilities $p$, averaged
# over the batch $\mathcal{B}$:
#
# $$L = -\frac{1}{|\mathcal{B}|} \sum_{i \in \mathcal{B}} y_i \log(p_i)$$
#
# With $o$ for the last hidden layer, which is the input of the softmax, the derivative for a
# single sample is simply
#
# $$\frac{\partial L}{\partial o_i} = p_i - y_i$$
#
# From there go backwards: through the sigmoid of the last layer, to its weights, through the
# sigmoid of the layer before, and so on. Each weight matrix takes one step of stochastic gradient
# descent with the learning rate `lr`.
#
# Write `back_prop`.

# %% [markdown]
# ## Problem 5 (c-ii) Solution
#
# <font color="red">**Solution to Problem 5 Part (c-ii)**</font>

# %% grader={"id": "5c-ii", "parts": ["5c-ii"]}
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
    raise NotImplementedError("5c-ii: back_prop is not written yet")

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

# %% [markdown]
# ## Problem 5 (d) Training
#
# Everything is there; a class makes it handy. `MLP` appends a 1 to each sample (the bias), keeps
# weights and layers as attributes, and can `train`, `predict` and `evaluate`. Read through it
# until you know what every line is for. Then complete `__sigmoid`, `__softmax`,
# `__sigmoid_prime`, `__feed_forward`, `__back_prop` and the line that `train` prints after each
# epoch. They differ a little from your functions above: layers are in `self.__h`, the output goes
# to `self.__out`, and the weights are updated in place.

# %% [markdown]
# ## Problem 5 (d) Solution
#
# <font color="red">**Solution to Problem 5 Part (d)**</font>

# %% grader={"id": "5d", "parts": ["5d"]}
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
        raise NotImplementedError("5d: __sigmoid is not written yet")

    def __softmax(self, x):
        # The softmax of each row
        raise NotImplementedError("5d: __softmax is not written yet")

    def __sigmoid_prime(self, h):
        # The derivative of the sigmoid where h = sigmoid(x)
        raise NotImplementedError("5d: __sigmoid_prime is not written yet")

    def __feed_forward(self, batch):
        # Send a batch (n_samples x n_features) forward: fill self.__h, then self.__out
        raise NotImplementedError("5d: __feed_forward is not written yet")

    def __back_prop(self, batch_y):
        # Update self.weights from self.__h and self.__out, with self.lr and self.batch_size
        raise NotImplementedError("5d: __back_prop is not written yet")

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
            raise NotImplementedError("5d: the line that train prints is not written yet")

# %% [markdown]
# A first try: one hidden layer (`L=1`) of 16 neurons (`N_l=16`), batches of 8 samples
# (`batch_size=8`), 25 epochs, learning rate 1.

# %% grader={"id": "5d-train", "parts": ["5d"]}
model = MLP(X_train, Y_train, X_test, Y_test, L=1, N_l=16)
try:
    model.train(batch_size=8, epochs=25, lr=1.0)
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# The network never sees `X_test` and `Y_test` while it learns. How well it does on them tells
# whether it has understood something about digits in general or has only memorised the training
# set.

# %%
fig, axes = plt.subplots(1, 2, figsize=(15, 5))
for ax, name, train_values, val_values in (
    (axes[0], "Loss", model.train_loss, model.val_loss),
    (axes[1], "Accuracy", model.train_acc, model.val_acc),
):
    ax.plot(train_values, label="Train")
    ax.plot(val_values, label="Val")
    ax.set_xlabel("Epoch")
    ax.set_ylabel(name)
    ax.legend()
    ax.grid()
plt.show()

# %% [markdown]
# The *hyperparameters* (`batch_size`, `lr`, the number of hidden layers `L`, the number of
# neurons `N_l`) were picked with care. They are not learned; one trains the network with several
# choices and keeps the one that does best on data held out for that purpose.

# %% [markdown]
# # Problem 6: 2D Convolution (5pts)
#
# Write with NumPy what `torch.conv2d` does by default: stride 1, no padding, several input and
# output channels. Use an algorithm of your own. As a reminder, a 2D convolution is
#
# $$C(j, k) = \sum_p \sum_q A(p, q)B(j - p + 1, k - q + 1)$$
#
# Take care: `torch.conv2d` does not flip the kernel, and your result has to agree with it.

# %% [markdown]
# ## Problem 6 Solution
#
# <font color="red">**Solution to Problem 6**</font>

# %% grader={"id": "6", "parts": ["6"]}
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
    raise NotImplementedError("6: my_convolution is not written yet")

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
