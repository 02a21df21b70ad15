# %% 1a
# Problem 1 (a)
def center(X):
    # one mean for each column
    return X - X.mean(axis=0)

# %% 1b
# Problem 1 (b)
def mse_gradient(w, X, y):
    errors = X @ w - y
    return 2 * X.T @ errors / len(X)

# %% 1c
# Problem 1 (c)
def fit(X, y, lr, steps):
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        w = w - lr * mse_gradient(w, X, y)
    return w
