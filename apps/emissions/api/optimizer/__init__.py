"""The HTTP API of the optimizer: read what is asked, let the services answer, write it down."""
