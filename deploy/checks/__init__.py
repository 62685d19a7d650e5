"""Programs that check how Etapa is shipped. They run in the environment that `make tools` makes."""
