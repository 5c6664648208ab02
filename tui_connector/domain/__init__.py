"""What the connector talks about: frozen values in the field's own words, standard library only."""
