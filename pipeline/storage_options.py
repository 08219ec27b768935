"""The command line's options for object storage."""

import click

STORAGE_OPTIONS = (
    click.option("--anonymous", is_flag=True, help="Use no credentials: for buckets that are open to all."),
    click.option("--user-project", default="", metavar="PROJECT", help="Who pays where a gs:// bucket's requester does."),
    click.option("--requester-pays", is_flag=True, help="Accept to pay where an s3:// bucket's requester does."),
    click.option("--kms-key", default="", metavar="NAME", help="Customer-managed key that encrypts the output (gs://, s3://)."),
    click.option(
        "--io-threads",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Objects under way at once in a process, where object storage is read or written.",
    ),
)
