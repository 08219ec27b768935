"""``python -m pipeline``: the same as ``dicom-deid``."""

from .signals import signals_handled


def main() -> None:
    """Run the command."""
    # before all else is imported
    with signals_handled():
        from .cli import main as command

        command()


if __name__ == "__main__":
    main()
