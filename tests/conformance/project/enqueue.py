"""Enqueues by the thousand: `python -m project.enqueue <name> <first> <count>`."""

import sys

import django

if __name__ == "__main__":
    django.setup()

    from project.tasks import tell

    name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for number in range(first, first + count):
        tell.delay(name, number=number)
