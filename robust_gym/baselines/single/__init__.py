"""Parts shared by single-agent algorithms. Modules here import torch; ``tuned`` alone does not."""
