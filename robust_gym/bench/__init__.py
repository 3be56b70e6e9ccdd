"""Running a benchmark: which cells there are, where their results lie, and who computes them.

- ``cell``: the atomic unit, and the path that is its identity.
- ``plan``, ``arguments``, ``campaign_file``: from names on a command line, or in a file, to a list of cells.
- ``store``, ``files``: results on disk; whatever happens, a file that can be seen is whole.
- ``training``, ``worker``, ``checkpoint``: what a cell computes, wherever it runs.
- ``engine``, ``engines``, ``limits``: who runs it, by name, and what it may use.
- ``local``, ``child``, ``process``, ``cores``, ``scratch``: on this machine.
- ``ray``, ``ray_actor``: on a Ray cluster.
- ``slurm``, ``slurm_submitted``, ``slurm_folder``, ``slurm_queue``, ``slurm_job``: on a Slurm cluster.
- ``campaign``, ``manifest``: the driver, which alone writes results, and what it was asked for.
- ``progress``, ``display``, ``summary``, ``reporting``: what people see.
- ``progress_json``, ``sinks``, ``tensorboard_sink``, ``wandb_sink``: what other programs see.
- ``command``: all of that together, as ``robust-gym bench``.
- ``status``, ``inspecting``, ``merging``: what lies in folders of results, as ``robust-gym status`` and ``merge``.
- ``doctor``, ``machine``, ``installed``, ``probing``: what works here, as ``robust-gym doctor``.
- ``policies``, ``evaluation``: a policy found again and evaluated, as ``robust-gym eval``.
"""
