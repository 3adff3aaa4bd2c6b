"""The only sockets: the loop and the channels under it. Knows no people and no wire format."""
