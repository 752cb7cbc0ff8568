"""What `make bench` is made of: servers, workloads, measuring, and what is written of it."""
