"""Multinomial logistic regression on preconditioned features: all images at once, or many by mini-batches."""

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

AT_ONCE = 3e8  # images x features x classes (ten at the least): some ten seconds, and a gigabyte
MINI_BATCH = 1024
STAGE_STEPS = 40  # of an epoch, at least, however few images there are
_BETAS = 0.9, 0.99  # of Adam's means
_WARM_UP = 10  # steps


class Parameters(NamedTuple):
    """Of logits = features @ weights + bias: (D, C) and (C,), for rotated standardised features."""

    weights: torch.Tensor
    bias: torch.Tensor


class SoftmaxRegression:
    """Least over weights W and bias b: the mean of -log softmax(x W + b)[label], and l2 / 2 times the sum of W squared.

    x are the features, each with mean 0 and variance 1 over these images; the bias is not regularised. Descent on them
    as they are is slow: neighbouring directions of a representation's covariance differ a hundredfold in variance. In
    the covariance's eigenvectors, with eigenvalues v, the loss curves in each direction by about v / C + l2 (a class
    has a probability of about 1 / C at the start), and weights of features divided by the root of that all learn at
    one rate. What is least there is least here: the penalty is carried along.

    All images at once, in float64, L-BFGS ends where the loss is least. By mini-batches, in float32, Adam comes near.

    Args:
        features: (N, D) float.
        labels: (N,) int.
        n_classes: C.
        batch_size: images a step; of as many as there are, or more, all are taken at once. By default that is so up to
            `AT_ONCE`, and beyond a step has `MINI_BATCH`.
        seed: of the images' order.
    """

    def __init__(self, features, labels: np.ndarray, n_classes: int, *, batch_size: int | None = None, seed: int = 0):
        self.labels = torch.from_numpy(np.asarray(labels, np.int64))
        self.n_classes = n_classes
        features = np.asarray(features)
        if batch_size is None:
            few = features.size * max(n_classes, 10) <= AT_ONCE
            batch_size = len(features) if few else MINI_BATCH
        self.batch_size = min(batch_size, len(features))
        dtype = np.float64 if self.at_once else np.float32
        features = features.astype(dtype, copy=False)
        self.mean = features.mean(0, dtype=np.float64)
        deviation = features.std(0, dtype=np.float64)
        self.deviation = np.where(deviation > 0, deviation, 1.0)  # a constant feature stays 0
        standard = torch.from_numpy(((features - self.mean) / self.deviation).astype(dtype, copy=False))
        variances, self.directions = torch.linalg.eigh(standard.T @ standard / len(standard))
        self.variances = variances.clamp_min(0)
        self.features = standard @ self.directions
        self.generator = torch.Generator().manual_seed(seed)

    @property
    def at_once(self) -> bool:
        """Whether a step has all images, and `improved` ends where the loss is least."""
        return self.batch_size == len(self.labels)

    def start(self) -> Parameters:
        """All zero: every class has the same probability."""
        zeros = self.features.new_zeros
        return Parameters(zeros(self.features.shape[1], self.n_classes), zeros(self.n_classes))

    @torch.no_grad()
    def improved(self, parameters: Parameters, l2: float, n_epochs: int = 1) -> Parameters:
        """After some epochs of Adam at this regularization, its learning rate falling to 0 by a cosine.

        All at once, it is where the loss is least, whatever the number of epochs.
        """
        if self.at_once:
            return self._least(parameters, l2)
        per_epoch = len(self.features) // self.batch_size
        n_steps = n_epochs * max(per_epoch, STAGE_STEPS)
        scale = (self.variances / self.n_classes + l2).rsqrt() / self.n_classes**0.5  # (D,)
        penalty = (l2 * scale**2)[:, None]
        values = [parameters.weights / scale[:, None], parameters.bias.clone()]
        means, squares = ([torch.zeros_like(value) for value in values] for _ in range(2))
        # The fewer images of a class a batch has, the noisier its gradient: higher rates end in noise.
        highest = 0.1 * min(2.5, (self.batch_size / self.n_classes) ** 0.5) / len(scale) ** 0.5
        for step in range(n_steps):
            if step % per_epoch == 0:
                order = torch.randperm(len(self.features), generator=self.generator)
            rows = order[step % per_epoch * self.batch_size :][: self.batch_size]
            batch, labels = self.features[rows] * scale, self.labels[rows]
            errors = torch.softmax(torch.addmm(values[1], batch, values[0]), 1)  # less the one-hot label
            errors[torch.arange(len(rows)), labels] -= 1
            errors /= len(rows)
            gradients = torch.addmm(values[0] * penalty, batch.T, errors), errors.sum(0)
            rate = highest * min(1, (step + 1) / _WARM_UP) * (1 + math.cos(math.pi * step / n_steps)) / 2
            for value, gradient, mean, square in zip(values, gradients, means, squares, strict=True):
                mean.lerp_(gradient, 1 - _BETAS[0])
                square.lerp_(gradient.square_(), 1 - _BETAS[1])
                root = (square / (1 - _BETAS[1] ** (step + 1))).sqrt_().add_(1e-8)
                value.addcdiv_(mean, root, value=-rate / (1 - _BETAS[0] ** (step + 1)))
        return Parameters(values[0] * scale[:, None], values[1])

    def _least(self, parameters: Parameters, l2: float) -> Parameters:
        labels, images = self.labels.numpy(), np.arange(len(self.labels))
        scale = (self.variances.numpy() + self.n_classes * l2)[:, None] ** -0.5
        scaled, penalty = self.features.numpy() * scale.T, l2 * scale**2

        def loss_and_gradient(values: np.ndarray) -> tuple[float, np.ndarray]:
            values = values.reshape(-1, self.n_classes)
            weights, bias = values[:-1], values[-1]
            log_probabilities = log_softmax(scaled @ weights + bias, axis=1)
            errors = np.exp(log_probabilities)
            errors[images, labels] -= 1
            errors /= len(labels)
            loss = (penalty * weights**2).sum() / 2 - log_probabilities[images, labels].mean()
            return loss, np.vstack([scaled.T @ errors + penalty * weights, errors.sum(0)]).ravel()

        start = np.vstack([parameters.weights.numpy() / scale, parameters.bias.numpy()])
        options = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 0, "gtol": 1e-10}
        found = minimize(loss_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", options=options).x
        found = found.reshape(start.shape)
        return Parameters(torch.from_numpy(found[:-1] * scale), torch.from_numpy(found[-1]))

    def of_raw_features(self, parameters: Parameters, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """The same logits, divided by a temperature, from features as they were given -> (D, C) and (C,) float32."""
        weights = (self.directions @ parameters.weights).double().numpy() / (self.deviation[:, None] * temperature)
        weights = weights.astype(np.float32)
        # With the weights as they are rounded: where features lie far from 0 the mean's logits stay what they are.
        bias = parameters.bias.double().numpy() / temperature - self.mean @ weights.astype(np.float64)
        return weights, bias.astype(np.float32)
