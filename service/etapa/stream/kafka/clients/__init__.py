"""How clients reach the brokers: addresses, encryption, logins, and consumers set up as Etapa needs them."""
