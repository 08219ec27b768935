"""``python -m pipeline``, which is the same as ``dicom-deid``."""

from .signals import signals_handled


def main() -> None:
    """Run the command."""
    # before all other imports: a signal may arrive while they are under way
    with signals_handled():
        from .cli import main as command

        command()


if __name__ == "__main__":
    main()
