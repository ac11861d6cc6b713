"""`python -m forensics`: the command without its script."""

from forensics.cli.main import run

if __name__ == "__main__":
    run()
