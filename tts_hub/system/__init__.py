"""What the operating system needs care with: temporary files and signals."""
