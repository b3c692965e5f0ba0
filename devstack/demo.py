"""Fills the demo workspace through the product's own doors, once the stack answers."""


def main() -> None:
    """Nothing to show yet."""


if __name__ == "__main__":
    main()
