"""The task of a partition: it takes the partition over and holds it for a tenure, again and again, until the group moves on."""
