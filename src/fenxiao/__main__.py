"""`python -m fenxiao`: the command line."""

from fenxiao.entrypoints.cli import main

if __name__ == "__main__":
    main()
