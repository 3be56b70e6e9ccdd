"""Running a benchmark: which cells there are, where their results lie, and who computes them.

- ``cell``: the atomic unit, and the path that is its identity.
- ``plan``, ``arguments``: from names on a command line to a list of cells.
- ``store``, ``files``: results on disk; whatever happens, a file that can be seen is whole.
- ``training``, ``worker``: what a cell computes, wherever it runs.
- ``engine``, ``local``, ``process``, ``scratch``: who runs it.
- ``campaign``: the driver, which alone writes results.
- ``progress``, ``display``, ``summary``: what people see.
- ``command``: all of that together, as ``robust-gym bench``.
- ``policies``, ``evaluation``: a policy found again and evaluated, as ``robust-gym eval``.
"""
