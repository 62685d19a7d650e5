"""Results: how they are stored, printed and plotted."""
