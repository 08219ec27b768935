"""``python -m pipeline``: the same as ``dicom-deid``."""

from .signals import heard


def main() -> None:
    """Run the command."""
    # before all else is imported
    with heard():
        from .cli import main as command

        command()


if __name__ == "__main__":
    main()
