"""What was measured, as it is kept, printed and plotted."""
