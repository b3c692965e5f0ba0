"""The HTTP API of estimates: the published token contract, and ours beside."""
