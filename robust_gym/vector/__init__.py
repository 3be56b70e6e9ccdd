"""Many episodes side by side: what evaluation steps, one batch for a whole grid of disruptions."""
