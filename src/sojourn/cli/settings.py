"""`sojourn settings`: every setting, its default and its meaning."""

import argparse

from sojourn.base.settings import table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command has this shape
    """Print the table."""
    for variable, default, meaning in table():
        print(f"{variable}\n    {meaning}" + (f" Default: {default}." if default else ""))
    return 0
