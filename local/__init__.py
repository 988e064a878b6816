"""What a laptop needs beside the product: the provider simulator and the demo."""
