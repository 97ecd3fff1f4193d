"""deployer: one file becomes a machine-learning platform."""

__version__ = "0.1.0"
