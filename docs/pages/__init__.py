"""The generated pages: each file makes some, from the data the command itself uses."""
