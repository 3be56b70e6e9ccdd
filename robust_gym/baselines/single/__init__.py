"""Parts shared by single-agent algorithms. Modules here import torch; ``tuned`` and ``saved`` alone do not."""
