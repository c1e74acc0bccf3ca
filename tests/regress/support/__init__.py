"""What the regress tests share: servers, clients, and how to wait for a condition."""
