"""Parts of cooperative value factorisation: mixer x backup x training distribution.

``factorisation.py`` composes them into an algorithm. Only that module may be imported without torch.
"""
