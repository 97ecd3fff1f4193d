"""Speed and memory on the same shapes as Terraform; `python -m benchmarks` runs them."""
